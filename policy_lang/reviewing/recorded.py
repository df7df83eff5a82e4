"""A decision as it was recorded, and the rows that its record kept (inputs.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from policy_lang.compiler import Key
from policy_lang.decision import Obligation
from policy_lang.facts import Assignment, Link
from policy_lang.types import Json
from policy_lang.values import Ref


class BadRecord(ValueError):
    """What is no recorded decision."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded decision; `inputs` are in the form of inputs.py, `now` in milliseconds.

    `rules` are those that determined it; `masked` are the inputs that were changed or left out by settings, by path;
    `tzdata` is the version of the time zones, empty where that was not noted.
    """

    id: str
    principal: Ref
    action: str
    resource: Ref
    now: int
    effect: str
    code: str
    inputs: Mapping[str, Json]
    policy_digest: str
    rules: tuple[str, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    hide: bool = False
    masked: frozenset[str] = frozenset()
    tzdata: str = ""

    @property
    def key(self) -> Key:
        """What kind of question it was."""
        return (self.principal.type, self.resource.type, self.action)

    @property
    def parents(self) -> dict[Ref, tuple[Ref, ...]]:
        """The parents of those entities whose parents were read."""
        kept = self.inputs.get("parents", {})
        if not isinstance(kept, dict):
            raise BadRecord("recorded parents are an object")
        return {_ref(node): tuple(map(_ref, _list(edges))) for node, edges in kept.items()}

    @property
    def assignments(self) -> dict[Ref | None, list[Assignment]]:
        """The assignments that were read, by place."""
        rows: dict[Ref | None, list[Assignment]] = {}
        for subject, role, place, expires_at in map(_row, _list(self.inputs.get("assignments", ()))):
            at = None if place is None else _ref(place)
            rows.setdefault(at, []).append(Assignment(_ref(subject), _text(role), at, _time(expires_at)))
        return rows

    @property
    def links(self) -> dict[tuple[Ref, str], list[Link]]:
        """The rows of stored relations that were read, by resource and relation."""
        rows: dict[tuple[Ref, str], list[Link]] = {}
        for end, relation, subject, expires_at in map(_row, _list(self.inputs.get("links", ()))):
            link = Link(_ref(end), _text(relation), _ref(subject), _time(expires_at))
            rows.setdefault((link.resource, link.relation), []).append(link)
        return rows

    def check(self) -> None:
        """BadRecord where the rows are not in the form of inputs.py."""
        _ = self.parents, self.assignments, self.links


def _row(written: Json) -> tuple[Json, Json, Json, Json]:
    match written:
        case [first, second, third, fourth]:
            return first, second, third, fourth
        case _:
            raise BadRecord("a recorded row has four values")


def _ref(written: Json) -> Ref:
    type_, colon, id_ = _text(written).partition(":")
    if not colon:
        raise BadRecord("a recorded row names what is no `Type:id`")
    return Ref(type_, id_)


def _text(written: Json) -> str:
    if not isinstance(written, str):
        raise BadRecord("a recorded row has a value that is no string")
    return written


def _time(written: Json) -> int | None:
    if written is not None and (isinstance(written, bool) or not isinstance(written, int)):
        raise BadRecord("a recorded row has an end that is no time")
    return written


def _list(written: Json) -> Sequence[Json]:
    if not isinstance(written, list | tuple):
        raise BadRecord("recorded rows are a list")
    return written
