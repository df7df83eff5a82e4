"""The measured rules in Cedar, by cedarpy: the policies parsed once, and each question's entities too."""

import json
from importlib import import_module
from typing import Final

from benchmarks.peers.scenario import NETWORK, Decide, Plain, prepared

_POLICIES: Final = f"""
permit(principal, action == Action::"edit", resource) when {{ principal.editor_of.contains(resource.tenant) }};
permit(principal, action == Action::"edit", resource) when {{ resource.owner == principal && !resource.locked }};
forbid(principal, action == Action::"edit", resource) when {{ principal.suspended }};
forbid(principal, action == Action::"edit", resource) when {{ principal.tenant != resource.tenant }};
forbid(principal, action == Action::"edit", resource)
  when {{ resource.region == "eu" && !context.ip.isInRange(ip("{NETWORK}")) }};
forbid(principal, action == Action::"edit", resource) when {{ resource.locked && resource.level > 8 }};
forbid(principal, action == Action::"edit", resource) when {{ resource.level < 0 }};
"""


def decider() -> Decide:
    """Decides by Cedar."""
    cedarpy = import_module("cedarpy")
    policies = cedarpy.PolicySet.from_str(_POLICIES)

    def form(asked: Plain) -> object:
        request = {
            "principal": f'User::"{asked.user}"',
            "action": 'Action::"edit"',
            "resource": f'Document::"{asked.document}"',
            "context": {"ip": {"__extn": {"fn": "ip", "arg": asked.ip}}},
        }
        return request, cedarpy.Entities.from_json_str(json.dumps([_user(asked), _document(asked)]))

    def decide(form: object) -> bool:
        match form:
            case (request, entities):
                return bool(cedarpy.is_authorized(request, policies, entities).allowed)
            case _:
                raise TypeError("not a form of this peer")

    return prepared(form, decide)


def _user(asked: Plain) -> dict[str, object]:
    attributes = {
        "tenant": _entity("Tenant", asked.user_tenant),
        "suspended": asked.suspended,
        "editor_of": [_entity("Tenant", tenant) for tenant in asked.editor_of],
    }
    return {"uid": {"type": "User", "id": asked.user}, "attrs": attributes, "parents": []}


def _document(asked: Plain) -> dict[str, object]:
    attributes = {
        "tenant": _entity("Tenant", asked.tenant),
        "owner": _entity("User", asked.owner),
        "level": asked.level,
        "region": asked.region,
        "locked": asked.locked,
    }
    return {"uid": {"type": "Document", "id": asked.document}, "attrs": attributes, "parents": []}


def _entity(type_: str, id_: str) -> dict[str, object]:
    return {"__entity": {"type": type_, "id": id_}}
