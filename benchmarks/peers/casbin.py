"""The measured rules in casbin: one policy line a rule, its condition by name in a function of the matcher."""

from collections.abc import Callable, Mapping
from importlib import import_module
from ipaddress import ip_address, ip_network
from typing import Final

from benchmarks.peers.scenario import NETWORK, Decide, Plain, prepared

_MODEL: Final = """
[request_definition]
r = asked, act
[policy_definition]
p = rule, act, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.act == p.act && holds(p.rule, r.asked)
"""
_OFFICE: Final = ip_network(NETWORK)
_RULES: Final[Mapping[str, tuple[str, Callable[[Plain], bool]]]] = {
    "by_role": ("allow", lambda asked: asked.tenant in asked.editor_of),
    "owner_all": ("allow", lambda asked: asked.owner == asked.user and not asked.locked),
    "suspended": ("deny", lambda asked: asked.suspended),
    "isolation": ("deny", lambda asked: asked.user_tenant != asked.tenant),
    "office": ("deny", lambda asked: asked.region == "eu" and ip_address(asked.ip) not in _OFFICE),
    "frozen": ("deny", lambda asked: asked.locked and asked.level > 8),
    "draft": ("deny", lambda asked: asked.level < 0),
}


def decider() -> Decide:
    """Decides by casbin's quick enforcer."""
    casbin = import_module("casbin")
    model = casbin.Model()
    model.load_model_from_text(_MODEL)
    enforcer = casbin.Enforcer(model)
    enforcer.add_function("holds", lambda rule, asked: _RULES[rule][1](asked))
    for name, (effect, _) in _RULES.items():
        enforcer.add_policy(name, "edit", effect)
    return prepared(lambda asked: asked, lambda asked: bool(enforcer.enforce(asked, "edit")))
