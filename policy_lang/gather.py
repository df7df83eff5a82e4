"""Gathers the facts of a batch of questions: one read a kind of fact and reference step, none with nothing to ask.

Law (language.md, Facts): an attribute has one source; of a `new` action's resource, attributes and parents are the
request's and there are no stored relations; what lies behind a reference is read from the store.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from policy_lang.ancestry import Ascent, climb
from policy_lang.conclude import refuse
from policy_lang.expressions import evaluate
from policy_lang.facts import Assignment, Facts, Link, Question, Source
from policy_lang.reads import Reads
from policy_lang.schema import Origin, Schema
from policy_lang.typed import Expression
from policy_lang.values import Cell, Ref

Edges = dict[Ref, tuple[Ref, ...]]


class Needs(Protocol):
    """What the rules need to know; a compiled bundle tells it."""

    @property
    def schema(self) -> Schema:
        """The declarations."""
        ...

    def reads(self, question: Question) -> Reads:
        """What the rules in play for a question read."""
        ...


def gather(questions: Sequence[Question], needs: Needs, source: Source) -> list[Facts]:
    """The facts of each question, in order. What the source raises comes through."""
    rows = _Rows(needs.schema, source)
    rows.fetch(ref for question in questions for ref in (question.principal, question.resource))
    batch = [_Asked(needs.reads(question), rows.seed(question), needs.schema) for question in questions]
    live = [asked for asked in batch if refuse(needs.schema, asked.facts) is None]
    for step in range(max((len(asked.reads.steps) for asked in live), default=0)):
        rows.fetch(ref for asked in live for ref in asked.behind(step))
    _fetch_ancestry(live, needs.schema, source)
    _fetch_assignments([asked for asked in live if asked.reads.places], source)
    _fetch_links([asked for asked in live if asked.reads.ends], source)
    return [asked.facts for asked in batch]


class _Rows:
    """The rows fetched so far for one batch, none asked for twice."""

    def __init__(self, schema: Schema, source: Source) -> None:
        self._schema = schema
        self._source = source
        self._asked: set[Ref] = set()
        self._cells: dict[Ref, Mapping[str, Cell]] = {}

    def fetch(self, refs: Iterable[Ref]) -> None:
        """Reads the rows of those that are of stored types and were not asked for."""
        new = {ref for ref in refs if ref not in self._asked and _is_stored(ref, self._schema)}
        if new:
            self._asked |= new
            self._cells.update((ref, row.attributes) for ref, row in self._source.rows(new).items())

    def seed(self, question: Question) -> Facts:
        """The facts with the principal's and the resource's cells; rows behind references come in as they are read."""
        is_new = self._schema.makes_row(question.resource.type, question.action)
        return Facts(
            question=question,
            principal_cells=self._entity(question.principal, question.principal_cells),
            resource_cells=(
                self._schema.types[question.resource.type].complete(question.resource_cells)
                if is_new
                else self._entity(question.resource, question.resource_cells)
            ),
            rows=self._cells,
            parents={},
            ancestors=frozenset((question.principal,)),
            is_ancestry_known=True,
            assignments={},
            links={},
        )

    def _entity(self, ref: Ref, given: Mapping[str, Cell]) -> Mapping[str, Cell] | None:
        declared = self._schema.types[ref.type]
        if not declared.is_stored:
            return declared.complete(given)
        cells = self._cells.get(ref)
        foreign = [each for each in declared.attributes.values() if each.origin is not Origin.STORE]
        if cells is None or not foreign:
            return cells
        return {**cells, **{each.name: given.get(each.name, each.gap) for each in foreign}}


@dataclass(slots=True)
class _Asked:
    """A question under way: what it reads, and its facts so far."""

    reads: Reads
    facts: Facts
    schema: Schema

    def behind(self, step: int) -> list[Ref]:
        """The entities whose rows the next attribute of some path is read from."""
        return self._refs(self.reads.steps[step]) if step < len(self.reads.steps) else []

    def starts(self) -> Iterator[Ref]:
        """The entities whose ancestors are needed; a resource yet to be made has its parents from the request."""
        question = self.facts.question
        if self.reads.needs_ancestry:
            yield question.principal
        for ref in self._refs(self.reads.climbs):
            if self._is_made(ref):
                yield from question.resource_parents
            else:
                yield ref

    def rise(self, parents: Edges, ascend: Callable[[Ref], Ascent]) -> None:
        """Takes in what is above."""
        question = self.facts.question
        if self._makes_resource:
            parents = {**parents, question.resource: question.resource_parents}
        known = self.facts
        if self.reads.needs_ancestry:
            ancestors, causes = ascend(question.principal)
            self.facts = replace(known, parents=parents, ancestors=ancestors, is_ancestry_known=not causes)
        else:
            self.facts = replace(known, parents=parents)

    def places(self) -> list[Ref | None]:
        """The places whose assignments may count, ancestors of those of `over` among them."""
        named = [place for place in self.reads.places if place is not None]
        above = [climb(ref, self.facts.parents).ancestors for ref in self._refs(self.reads.overs)]
        globally: list[Ref | None] = [None] if len(named) < len(self.reads.places) else []
        return [*globally, *self._refs(named), *(ref for refs in above for ref in refs)]

    def ends(self) -> list[tuple[Ref, str]]:
        """The (resource, relation) pairs whose rows may count."""
        found = ((ref, relation) for relation, end in self.reads.ends for ref in self._refs((end,)))
        return [(ref, relation) for ref, relation in found if not self._is_made(ref)]

    @property
    def _makes_resource(self) -> bool:
        question = self.facts.question
        return self.schema.makes_row(question.resource.type, question.action)

    def _is_made(self, ref: Ref) -> bool:
        return ref == self.facts.question.resource and self._makes_resource

    def _refs(self, expressions: Iterable[Expression]) -> list[Ref]:
        cells = (evaluate(expression, self.facts).cell for expression in expressions)
        return [cell for cell in cells if isinstance(cell, Ref)]


def _fetch_ancestry(live: Sequence[_Asked], schema: Schema, source: Source) -> None:
    climbing = [(asked, list(asked.starts())) for asked in live if asked.reads.needs_ancestry or asked.reads.climbs]
    starts = {ref for _, refs in climbing for ref in refs}
    stored = {ref for ref in starts if _is_stored(ref, schema)}
    parents = dict(source.ancestry(stored)) if stored else {}
    seen = starts.union(*parents.values())
    parents.update((ref, ()) for ref in seen if ref.type in schema.types and not _is_stored(ref, schema))
    ascents: dict[Ref, Ascent] = {}

    def ascend(ref: Ref) -> Ascent:
        if ref not in ascents:
            ascents[ref] = climb(ref, parents)
        return ascents[ref]

    for asked, _ in climbing:
        asked.rise(parents, ascend)


def _fetch_assignments(asking: Sequence[_Asked], source: Source) -> None:
    """By subject; where it is not known who is above a principal, all those at the places in question."""
    subjects = {ref for asked in asking if asked.facts.is_ancestry_known for ref in asked.facts.ancestors}
    places = {place for asked in asking if not asked.facts.is_ancestry_known for place in asked.places()}
    by_subject = _grouped(source.assignments(subjects) if subjects else (), lambda row: row.subject)
    by_place = _grouped(source.assignments_at(places) if places else (), lambda row: row.place)
    held: dict[tuple[Ref, tuple[Assignment, ...]], dict[Ref | None, list[Assignment]]] = {}
    for asked in asking:
        principal, claimed = asked.facts.question.principal, asked.facts.question.claim_roles
        if asked.facts.is_ancestry_known:
            if (principal, claimed) not in held:
                found = [row for subject in asked.facts.ancestors for row in by_subject.get(subject, ())]
                held[principal, claimed] = _grouped((*found, *claimed), lambda row: row.place)
            rows = held[principal, claimed]
        else:
            found = [row for place in asked.places() for row in by_place.get(place, ())]
            rows = _grouped(dict.fromkeys((*found, *claimed)), lambda row: row.place)
        asked.facts = replace(asked.facts, assignments=rows)


def _fetch_links(asking: Sequence[_Asked], source: Source) -> None:
    """Those to the principals and their ancestors; where it is not known who these are, those to any."""
    asked_ends = [(asked, asked.ends()) for asked in asking]
    known = {end for asked, ends in asked_ends if asked.facts.is_ancestry_known for end in ends}
    unknown = {end for asked, ends in asked_ends if not asked.facts.is_ancestry_known for end in ends}
    subjects = {ref for asked, _ in asked_ends if asked.facts.is_ancestry_known for ref in asked.facts.ancestors}
    narrow = _grouped(source.links(known, subjects) if known else (), _end)
    wide = _grouped(source.links(unknown, None) if unknown else (), _end)
    for asked, ends in asked_ends:
        rows = narrow if asked.facts.is_ancestry_known else wide
        found = {end: rows[end] for end in ends if end in rows}
        if found:
            asked.facts = replace(asked.facts, links=found)


Row = TypeVar("Row", Assignment, Link)
Key = TypeVar("Key", bound=Hashable)


def _grouped(rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)


def _end(link: Link) -> tuple[Ref, str]:
    return (link.resource, link.relation)


def _is_stored(ref: Ref, schema: Schema) -> bool:
    declared = schema.types.get(ref.type)
    return declared is None or declared.is_stored
