"""Keeps what a decision read, for the record: inputs in the given form, and the rows of roles, relations and parents.

Sensitive inputs are left out. With the rest a decision can be made again without the store.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Final

from policy_lang.ancestry import climb
from policy_lang.facts import Assignment, Facts, Link
from policy_lang.fold import Case
from policy_lang.getters import getter
from policy_lang.reads import Reads
from policy_lang.schema import Schema
from policy_lang.sensitivity import is_sensitive
from policy_lang.types import (
    BoolType,
    EnumType,
    IntType,
    Json,
    RefType,
    StringType,
    TimestampType,
    TimezoneType,
    Type,
    format_timestamp,
    write_given,
)
from policy_lang.values import Cause, Gap, Ref

Write = Callable[..., Json]

_SET_OR_GIVEN: Final = frozenset({Cause.ABSENT, Cause.NOT_GIVEN})


class Keeper:
    """Keeps the inputs of one case's decisions."""

    def __init__(self, reads: Reads, case: Case, schema: Schema) -> None:
        self._inputs = [
            (str(path), getter(path), _writer(path.type))
            for path in reads.paths
            if not is_sensitive(path, schema, case.principal_type, case.resource_type)
        ]
        self._places = [getter(place) for place in reads.places if place is not None]
        self._counts_global = None in reads.places
        self._overs = [getter(place) for place in reads.overs]
        self._ends = [(relation, getter(end)) for relation, end in reads.ends]
        self._climbs = [getter(start) for start in reads.climbs]
        self._needs_ancestry = reads.needs_ancestry

    def keep(self, facts: Facts) -> dict[str, Json]:
        """The values read, by path, gaps as `{"gap": cause}`; and the rows read, as `assignments`, `links`, `parents`.

        A gap has `"broken": true` where an attribute that is required was not set or not given.
        """
        kept: dict[str, Json] = {}
        for name, get, write in self._inputs:
            cell = get(facts)
            kept[name] = _gap(cell) if isinstance(cell, Gap) else write(cell)
        if self._needs_ancestry or self._climbs:
            kept["parents"] = self._kept_parents(facts)
        if self._places or self._counts_global:
            kept["assignments"] = [_assignment(row) for row in self._assignments(facts)]
        if self._ends:
            kept["links"] = [_link(row) for row in self._links(facts)]
        return kept

    def _kept_parents(self, facts: Facts) -> dict[str, Json]:
        nodes = set(facts.ancestors) if self._needs_ancestry else set()
        for get in self._climbs:
            if isinstance(start := get(facts), Ref):
                nodes |= climb(start, facts.parents).ancestors
        parents = facts.parents
        return {str(node): [str(parent) for parent in parents[node]] for node in nodes if node in parents}

    def _assignments(self, facts: Facts) -> Iterable[Assignment]:
        places: set[Ref | None] = {None} if self._counts_global else set()
        places.update(place for get in self._places if isinstance(place := get(facts), Ref))
        for get in self._overs:
            if isinstance(place := get(facts), Ref):
                places |= climb(place, facts.parents).ancestors
        found = facts.assignments
        return (row for place in places for row in found.get(place, ()) if _may_count(row.subject, facts))

    def _links(self, facts: Facts) -> Iterable[Link]:
        ends = ((end, relation) for relation, get in self._ends if isinstance(end := get(facts), Ref))
        return (row for end in ends for row in facts.links.get(end, ()) if _may_count(row.subject, facts))


def _may_count(subject: Ref, facts: Facts) -> bool:
    return subject in facts.ancestors or not facts.is_ancestry_known


def _assignment(row: Assignment) -> Json:
    return [str(row.subject), row.role, None if row.place is None else str(row.place), row.expires_at]


def _link(row: Link) -> Json:
    return [str(row.resource), row.relation, str(row.subject), row.expires_at]


def _gap(gap: Gap) -> Json:
    if gap.is_broken and gap.cause in _SET_OR_GIVEN:
        return {"gap": gap.cause.value, "broken": True}
    return {"gap": gap.cause.value}


def _writer(type_: Type) -> Write:
    """How values of a type are written in the given form."""
    match type_:
        case BoolType() | IntType() | StringType() | EnumType() | TimezoneType():
            return _as_it_is
        case RefType():
            return _reference
        case TimestampType():
            return lru_cache(maxsize=1024)(format_timestamp)
        case _:
            return partial(write_given, type_)


def _as_it_is(value: Json) -> Json:
    return value


def _reference(ref: Ref) -> Json:
    return {"type": ref.type, "id": ref.id}
