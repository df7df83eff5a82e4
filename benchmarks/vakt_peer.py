"""The measured rules in vakt, the fastest policy engine that Python can call; it gives an effect without reasons."""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec

from policy_lang.facts import Facts
from policy_lang.values import Cell, Ref

Attributes = Mapping[str, object]


def vakt_decider() -> Callable[[Facts], bool] | None:
    """Decides by vakt, once its own form of each question is prepared; None where vakt is not installed."""
    if find_spec("vakt") is None:
        return None
    vakt, rules = import_module("vakt"), import_module("vakt.rules")
    storage = vakt.MemoryStorage()
    same, other = rules.SubjectMatch("tenant"), rules.Not(rules.SubjectMatch("tenant"))
    allow, deny = vakt.ALLOW_ACCESS, vakt.DENY_ACCESS
    outside = {"ip": rules.Not(rules.CIDR("10.0.0.0/8"))}
    for uid, effect, subject, resource, context in (
        ("by_role", allow, {}, {"tenant": rules.SubjectMatch("editor_of")}, {}),
        ("owner_all", allow, {}, {"owner": rules.SubjectMatch("id"), "locked": rules.Falsy()}, {}),
        ("suspended", deny, {"suspended": rules.Truthy()}, {}, {}),
        ("isolation", deny, {}, {"tenant": other}, {}),
        ("office", deny, {}, {"region": rules.Eq("eu")}, outside),
        ("frozen", deny, {}, {"locked": rules.Truthy(), "level": rules.Greater(8)}, {}),
        ("draft", deny, {}, {"level": rules.Less(0), "tenant": same}, {}),
    ):
        storage.add(
            vakt.Policy(
                uid,
                subjects=[subject or rules.Any()],
                resources=[resource or rules.Any()],
                actions=[rules.Eq("edit")],
                context=context,
                effect=effect,
            )
        )
    guard = vakt.Guard(storage, vakt.RulesChecker())
    inquiries: dict[int, object] = {}

    def decide(facts: Facts) -> bool:
        inquiry = inquiries.get(id(facts))
        if inquiry is None:
            inquiry = inquiries[id(facts)] = _inquiry(vakt.Inquiry, facts)
        return bool(guard.is_allowed(inquiry))

    return decide


def _inquiry(make: Callable[..., object], facts: Facts) -> object:
    question, editor = facts.question, "docs.editor"
    places = [str(place) for place, rows in facts.assignments.items() if any(row.role == editor for row in rows)]
    return make(
        subject={"id": str(question.principal), **_plain(facts.principal_cells), "editor_of": "".join(places)},
        action=question.action,
        resource=_plain(facts.resource_cells),
        context={"ip": str(question.context["ip"])},
    )


def _plain(cells: Mapping[str, Cell] | None) -> Attributes:
    return {name: str(cell) if isinstance(cell, Ref) else cell for name, cell in (cells or {}).items()}
