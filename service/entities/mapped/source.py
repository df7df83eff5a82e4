"""Reads what is wanted of one mapped source, in one transaction that can write nothing: one statement a step.

A step is: the rows of a batch whatever their types, the rows of all their parents in turn, the roles held by subjects,
those held at places, the rows of relations.
"""

import time
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import orjson

from policy_lang.facts import Assignment, Link, Row
from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.db.engine import Database, Prepared, Reading
from service.db.facts_queries import STEPS
from service.db.mapped.columns import Kind
from service.db.mapped.statements import Branch, BranchRow, prepare
from service.entities.mapped.keys import key_of
from service.entities.mapped.plan import Plan, Reflected, plan
from service.entities.mapped.raw import Raw, unpack_or
from service.entities.mapped.tie_plan import TiePlan, Variant
from service.entities.mapped.wanted import Brought, Tie, Wanted
from service.entities.shelf import End
from service.errors import FactsUnavailable, Trouble
from service.source_settings import SourceSettings

RELOOK_SECONDS: Final = 5.0
"""How long tables that do not fit are not looked at again."""

STATEMENTS: Final = 1_000
"""How many statements are kept, one for each set of tables that a step has asked; past that they are made anew."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Parameters = dict[str, str]
_Ask = tuple[Sequence[Variant], Sequence[Mapping[str, Sequence[str]]]]
"""Ways to look rows of one table up, and the ids that are asked of each of its ends, by their types."""


class MappedSource:
    """One source of facts. It looks at the tables when it is first read, and again for every other schema."""

    def __init__(self, name: str, settings: SourceSettings, database: Database) -> None:
        self.name = name
        self._settings = settings
        self._database = database
        self._planned: _Planned | None = None
        self._prepared: dict[tuple[Branch, ...], Prepared[BranchRow]] = {}

    def read(self, schema: Schema, wanted: Wanted, timeout_ms: int | None = None) -> Brought:
        """What is wanted, as it is now; FactsUnavailable where it cannot be read, or cannot be used."""
        plan_ = self._plan(schema)
        try:
            with self._database.reading(timeout_ms) as reading:
                return _Read(self, plan_, reading).all(wanted)
        except FactsUnavailable as error:
            if error.trouble is Trouble.FAILURE:
                # The tables may have been changed.
                self._planned = None
            raise

    def plan(self, schema: Schema) -> Plan:
        """How everything is read by those declarations, by the tables as they are now."""
        return plan(self.name, self._settings, reflected=Reflected.of(self._database, self._settings), schema=schema)

    def statement(self, branches: tuple[Branch, ...]) -> Prepared[BranchRow]:
        """The statement of some branches, made once."""
        prepared = self._prepared.get(branches)
        if prepared is None:
            if len(self._prepared) >= STATEMENTS:
                self._prepared.clear()
            prepared = self._prepared[branches] = prepare(self._database, branches)
        return prepared

    @property
    def is_embedded(self) -> bool:
        """Whether its values come as SQLite has them."""
        return self._database.is_embedded

    def close(self) -> None:
        """Closes its connections."""
        self._database.close()

    def _plan(self, schema: Schema) -> Plan:
        planned = self._planned
        if planned is None or not planned.serves(schema):
            planned = self._planned = _Planned(schema, self.plan(schema), time.monotonic())
        if planned.plan.faults:
            first = planned.plan.faults[0].partition("\n")[0]
            raise FactsUnavailable(f"the source `{self.name}` cannot be used: {first}", Trouble.DATA)
        return planned.plan


@dataclass(frozen=True, slots=True)
class _Planned:
    """A plan, for which declarations it was made, and when (monotonic seconds)."""

    schema: Schema
    plan: Plan
    at: float

    def serves(self, schema: Schema) -> bool:
        """Whether it is of those declarations; one with faults is good for a while, then the tables may be others."""
        is_good = not self.plan.faults or time.monotonic() - self.at < RELOOK_SECONDS
        return schema is self.schema and is_good


class _Read:
    """One read, within its transaction."""

    def __init__(self, source: MappedSource, plan_: Plan, reading: Reading) -> None:
        self._source = source
        self._plan = plan_
        self._reading = reading

    def all(self, wanted: Wanted) -> Brought:
        """What is wanted."""
        brought = Brought()
        self._climb(wanted, brought)
        if wanted.held:
            found = self._assignments([tie.by_subject for tie in self._ties()], wanted.held)
            brought.held = _grouped(wanted.held, [(each.subject, each) for each in found])
        if wanted.held_at:
            self._held_at(wanted.held_at, brought)
        if wanted.links:
            self._links(wanted.links, brought)
        return brought

    def _ties(self) -> list[TiePlan]:
        return [tie for tie in self._plan.ties if tie is not None]

    def _climb(self, wanted: Wanted, brought: Brought) -> None:
        """The rows, and of those to be climbed from those of their parents, as far up as the law goes."""
        level, climbing = wanted.rows | wanted.climbs, set(wanted.climbs)
        for _ in range(STEPS + 1):
            if not level:
                return
            brought.rows.update(self._rows(level))
            rows = {ref: brought.rows.get(ref) for ref in climbing}
            above = {parent for row in rows.values() if row is not None for parent in row.parents}
            climbing = {parent for parent in above if parent.type in self._plan.types and parent not in brought.rows}
            level = climbing

    def _rows(self, refs: Collection[Ref]) -> dict[Ref, Row | None]:
        found: dict[Ref, Row | None] = dict.fromkeys(refs)
        plans = {type_: self._plan.types[type_] for type_ in sorted({ref.type for ref in refs})}
        parameters: Parameters = {}
        for type_, each in plans.items():
            parameters[each.key.parameter] = _keys(each.key.kind, (ref.id for ref in refs if ref.type == type_))
        by_number = {each.branch.number: each for each in plans.values()}
        for number, id_, text in self._fetch([each.branch for each in plans.values()], parameters):
            each = by_number[number]
            ref = Ref(each.type, str(id_))
            if ref not in found:
                continue
            if found[ref] is not None:
                table = each.branch.table
                raise FactsUnavailable(f"two rows of `{table}` have the id of one `{each.type}`", Trouble.DATA)
            found[ref] = each.row(unpack_or(text, each.width, is_embedded=self._source.is_embedded))
        return found

    def _held_at(self, places: Collection[Ref | None], brought: Brought) -> None:
        tables = [tie for tie in self._ties() if not tie.by_both]
        somewhere = {place for place in places if place is not None}
        found = self._assignments([tie.by_place for tie in tables if tie.place is not None], somewhere)
        if None in places:
            found += self._assignments([tie.by_place for tie in tables if tie.place is None], ())
        brought.held_at = _grouped(places, [(each.place, each) for each in found])

    def _assignments(self, ways: Iterable[Sequence[Variant]], refs: Collection[Ref]) -> list[Assignment]:
        ends = [_ids_by_type(refs)]
        found = [tie.assignment(values) for tie, values in self._tied([(variants, ends) for variants in ways])]
        return [each for each in found if each is not None]

    def _links(self, ties: Collection[Tie], brought: Brought) -> None:
        """The rows to anybody and those to some, each of all relations at once."""
        subjects = _ids_by_type({subject for _, subject in ties if subject is not None})
        wide = _ids_by_relation(end for end, subject in ties if subject is None)
        narrow = _ids_by_relation(end for end, subject in ties if subject is not None)
        plans = [(tie, tie.role) for tie in self._ties() if tie.by_both and tie.role is not None]
        to_anybody = self._linked([(tie.by_place, [wide[name]]) for tie, name in plans if name in wide])
        to_some = self._linked([(tie.by_both, [narrow[name], subjects]) for tie, name in plans if name in narrow])
        found: list[tuple[Tie, Link]] = [(((link.resource, link.relation), None), link) for link in to_anybody]
        found += [(((link.resource, link.relation), link.subject), link) for link in to_some]
        brought.links = _grouped(ties, found)

    def _linked(self, asks: Iterable[_Ask]) -> list[Link]:
        found = [tie.link(values) for tie, values in self._tied(asks)]
        return [each for each in found if each is not None]

    def _tied(self, asks: Iterable[_Ask]) -> list[tuple[TiePlan, Sequence[Raw]]]:
        """The rows of every variant whose types are asked for, with the plan of their table."""
        branches: list[Branch] = []
        parameters: Parameters = {}
        for variant, ends in ((each, ends) for variants, ends in asks for each in variants):
            asked = [ids.get(type_) for type_, ids in zip(variant.types, ends, strict=False)]
            if any(not ids for ids in asked):
                continue
            branches.append(variant.branch)
            parameters.update(variant.texts)
            for key, ids in zip(variant.branch.keys, asked, strict=True):
                parameters[key.parameter] = _keys(key.kind, ids or ())
        plans = self._plan.ties
        rows = ((plans[number], text) for number, _, text in self._fetch(branches, parameters))
        return [(tie, unpack_or(text, tie.width, is_embedded=self._source.is_embedded)) for tie, text in rows if tie]

    def _fetch(self, branches: Sequence[Branch], parameters: Parameters) -> list[BranchRow]:
        return self._reading.fetch(self._source.statement(tuple(branches)), parameters) if branches else []


def _grouped(keys: Iterable[K], found: Iterable[tuple[K, V]]) -> dict[K, tuple[V, ...]]:
    """What was found by its key, nothing among it; what is of no key was not asked for."""
    groups: dict[K, list[V]] = {key: [] for key in keys}
    for key, value in found:
        if key in groups:
            groups[key].append(value)
    return {key: tuple(values) for key, values in groups.items()}


def _ids_by_type(refs: Collection[Ref]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {}
    for ref in refs:
        ids.setdefault(ref.type, []).append(ref.id)
    return ids


def _ids_by_relation(ends: Iterable[End]) -> dict[str, dict[str, list[str]]]:
    """The ids of the resources of each relation, by their types."""
    resources: dict[str, set[Ref]] = {}
    for resource, relation in ends:
        resources.setdefault(relation, set()).add(resource)
    return {relation: _ids_by_type(refs) for relation, refs in resources.items()}


def _keys(kind: Kind, ids: Iterable[str]) -> str:
    """The keys as a statement takes them; an id that no row can have is left out."""
    keys = (key_of(kind, id_) for id_ in dict.fromkeys(ids))
    return orjson.dumps([key for key in keys if key is not None]).decode()
