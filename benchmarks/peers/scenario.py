"""One question of the measured scenario in plain values, of which each engine makes its own form beforehand."""

from collections.abc import Callable
from dataclasses import dataclass

from policy_lang.facts import Facts
from policy_lang.values import Cell, Gap, Ref

EDITOR = "docs.editor"
NETWORK = "10.0.0.0/8"

Decide = Callable[[Facts], object]


@dataclass(frozen=True, slots=True)
class Plain:
    """Who asks to edit what, from where."""

    user: str
    user_tenant: str
    suspended: bool
    editor_of: tuple[str, ...]
    document: str
    tenant: str
    owner: str
    level: int
    region: str
    locked: bool
    ip: str


def plain(facts: Facts) -> Plain:
    """The question in plain values."""
    user, document = facts.principal_cells or {}, facts.resource_cells or {}
    places = (place for place, rows in facts.assignments.items() if any(row.role == EDITOR for row in rows))
    return Plain(
        user=facts.question.principal.id,
        user_tenant=_id(user["tenant"]),
        suspended=user["suspended"] is True,
        editor_of=tuple(place.id for place in places if place is not None),
        document=facts.question.resource.id,
        tenant=_id(document["tenant"]),
        owner=_id(document["owner"]),
        level=_whole(document["level"]),
        region=str(document["region"]),
        locked=document["locked"] is True,
        ip=str(facts.question.context["ip"]),
    )


def prepared(make: Callable[[Plain], object], decide: Callable[[object], bool]) -> Decide:
    """A decider that makes its form of a question when it first comes, and keeps it: only deciding is measured."""
    forms: dict[int, object] = {}

    def decided(facts: Facts) -> bool:
        form = forms.get(id(facts))
        if form is None:
            form = forms[id(facts)] = make(plain(facts))
        return decide(form)

    return decided


def _id(cell: Cell) -> str:
    if not isinstance(cell, Ref):
        raise TypeError(f"{cell!r} is no reference")
    return cell.id


def _whole(cell: Cell) -> int:
    if isinstance(cell, Gap) or not isinstance(cell, int):
        raise TypeError(f"{cell!r} is no whole number")
    return cell
