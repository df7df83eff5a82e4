"""Gathers the facts of a batch of questions: one read a kind of fact and reference step, none with nothing to ask.

Law (language.md, Facts): an attribute has one source; of a `new` action's resource, attributes and parents are the
request's and there are no stored relations; what lies behind a reference is read from the store.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Protocol, TypeVar

from policy_lang.access import Access, Getter
from policy_lang.ancestry import Ascent, climb
from policy_lang.facts import Assignment, Facts, Link, Question, Source
from policy_lang.schema import Attribute, EntityType, Schema
from policy_lang.values import Cell, Ref

Parents = Mapping[Ref, tuple[Ref, ...]]
Held = Mapping[Ref | None, Sequence[Assignment]]
Links = Mapping[tuple[Ref, str], Sequence[Link]]


class Needs(Protocol):
    """What the rules need to know; a compiled bundle tells it."""

    @property
    def schema(self) -> Schema:
        """The declarations."""
        ...

    def access(self, question: Question) -> Access:
        """How what the rules in play for a question read is got at."""
        ...


def gather(questions: Sequence[Question], needs: Needs, source: Source) -> list[Facts]:
    """The facts of each question, in order. What the source raises comes through."""
    rows = _Rows(needs.schema, source)
    rows.fetch([ref for question in questions for ref in (question.principal, question.resource)])
    drafts = [rows.draft(question, needs.access(question)) for question in questions]
    live = [draft for draft in drafts if draft.has_entities()]
    for step in range(max([len(draft.access.steps) for draft in live], default=0)):
        rows.fetch([ref for draft in live for ref in draft.behind(step)])
    if risen := [draft for draft in live if draft.access.needs_ancestry or draft.access.climbs]:
        _fetch_ancestry(risen, rows, source)
    if held := [draft for draft in live if draft.access.needs_roles]:
        _fetch_assignments(held, source)
    if tied := [draft for draft in live if draft.access.ends]:
        _fetch_links(tied, source)
    return [draft.facts() for draft in drafts]


# What is not read; shared, as each question would make three of its own.
_NO_PARENTS: Final[Parents] = {}
_NOT_HELD: Final[Held] = {}
_NO_LINKS: Final[Links] = {}


@dataclass(slots=True)
class _Draft:
    """The facts of a question under way."""

    question: Question
    access: Access
    principal_cells: Mapping[str, Cell] | None
    resource_cells: Mapping[str, Cell] | None
    rows: Mapping[Ref, Mapping[str, Cell]]
    parents: Parents
    ascent: Ascent | None
    assignments: Held
    links: Links

    def facts(self) -> Facts:
        """What is known when all is read."""
        return Facts(
            self.question,
            self.principal_cells,
            self.resource_cells,
            self.rows,
            self.parents,
            self.ancestors,
            self.is_ancestry_known,
            self.assignments,
            self.links,
        )

    @property
    def ancestors(self) -> frozenset[Ref]:
        """The principal and all that is known above it."""
        return frozenset((self.question.principal,)) if self.ascent is None else self.ascent.ancestors

    @property
    def is_ancestry_known(self) -> bool:
        """Whether that is all there is."""
        return self.ascent is None or not self.ascent.causes

    def has_entities(self) -> bool:
        """Whether lines 2 and 3 of the decision leave anything to read."""
        if self.principal_cells is None:
            return False
        return (
            self.question.resource not in self.rows if self.access.makes_resource else self.resource_cells is not None
        )

    def behind(self, step: int) -> list[Ref]:
        """The entities whose rows the next attribute of some path is read from."""
        return self.refs(self.access.steps[step]) if step < len(self.access.steps) else []

    def starts(self) -> Iterator[Ref]:
        """The entities whose ancestors are needed; a resource yet to be made has its parents from the request."""
        if self.access.needs_ancestry:
            yield self.question.principal
        for ref in self.refs(self.access.climbs):
            if self._is_made(ref):
                yield from self.question.resource_parents
            else:
                yield ref

    def rise(self, parents: Parents, ascend: Callable[[Ref], Ascent]) -> None:
        """Takes in what is above."""
        self.parents = parents
        if self.access.makes_resource:
            self.parents = {**parents, self.question.resource: self.question.resource_parents}
        if self.access.needs_ancestry:
            self.ascent = ascend(self.question.principal)

    def places(self) -> list[Ref | None]:
        """The places whose assignments may count, ancestors of those of `over` among them."""
        globally: list[Ref | None] = [None] if self.access.holds_globally else []
        above = (climb(ref, self.parents).ancestors for ref in self.refs(self.access.overs))
        return [*globally, *self.refs(self.access.places), *(ref for refs in above for ref in refs)]

    def ends(self) -> list[tuple[Ref, str]]:
        """The (resource, relation) pairs whose rows may count."""
        return [
            (ref, relation) for relation, get in self.access.ends for ref in self.refs((get,)) if not self._is_made(ref)
        ]

    def refs(self, getters: Iterable[Getter]) -> list[Ref]:
        """The entities that expressions lead to, as far as is known by now."""
        return [cell for get in getters if isinstance(cell := get(self), Ref)]

    def _is_made(self, ref: Ref) -> bool:
        return self.access.makes_resource and ref == self.question.resource


class _Rows:
    """The rows fetched so far for one batch, none asked for twice."""

    def __init__(self, schema: Schema, source: Source) -> None:
        self._source = source
        self._stored = schema.stored
        self._rowless = schema.rowless
        self._asked: set[Ref] = set()
        self._cells: dict[Ref, Mapping[str, Cell]] = {}

    def is_stored(self, ref: Ref) -> bool:
        """Whether there may be a row."""
        return ref.type in self._stored

    def is_rowless(self, ref: Ref) -> bool:
        """Whether the type is declared to have no rows, so that none is missing."""
        return ref.type in self._rowless

    def fetch(self, refs: Iterable[Ref]) -> None:
        """Reads the rows of those that may have one and were not asked for."""
        stored, asked = self._stored, self._asked
        new = {ref for ref in refs if ref.type in stored and ref not in asked}
        if new:
            asked |= new
            cells = self._cells
            for ref, row in self._source.rows(new).items():
                cells[ref] = row.attributes

    def draft(self, question: Question, access: Access) -> _Draft:
        """The principal's and the resource's cells; rows behind references come in as they are read."""
        return _Draft(
            question,
            access,
            self._entity(question.principal, access.principal, access.principal_foreign, question.principal_cells),
            access.resource.complete(question.resource_cells)
            if access.makes_resource
            else self._entity(question.resource, access.resource, access.resource_foreign, question.resource_cells),
            self._cells,
            _NO_PARENTS,
            None,
            _NOT_HELD,
            _NO_LINKS,
        )

    def _entity(
        self, ref: Ref, declared: EntityType, foreign: Sequence[Attribute], given: Mapping[str, Cell]
    ) -> Mapping[str, Cell] | None:
        if not declared.is_stored:
            return declared.complete(given)
        cells = self._cells.get(ref)
        if cells is None or not foreign:
            return cells
        return {**cells, **{each.name: given.get(each.name, each.gap) for each in foreign}}


def _fetch_ancestry(drafts: Sequence[_Draft], rows: _Rows, source: Source) -> None:
    starts = {ref for draft in drafts for ref in draft.starts()}
    stored = {ref for ref in starts if rows.is_stored(ref)}
    parents = dict(source.ancestry(stored)) if stored else {}
    for ref in starts.union(*parents.values()):
        if rows.is_rowless(ref):
            parents[ref] = ()
    ascents: dict[Ref, Ascent] = {}

    def ascend(ref: Ref) -> Ascent:
        if ref not in ascents:
            ascents[ref] = climb(ref, parents)
        return ascents[ref]

    for draft in drafts:
        draft.rise(parents, ascend)


def _fetch_assignments(drafts: Sequence[_Draft], source: Source) -> None:
    """By subject; where it is not known who is above a principal, all those at the places in question."""
    clear = [draft for draft in drafts if draft.is_ancestry_known]
    if clear:
        _fetch_held(clear, source)
    if len(clear) < len(drafts):
        _fetch_at_places([draft for draft in drafts if not draft.is_ancestry_known], source)


def _fetch_held(drafts: Sequence[_Draft], source: Source) -> None:
    """What is assigned to the principals and to who is above them."""
    subjects = {ref for draft in drafts for ref in draft.ancestors}
    by_subject = _grouped(source.assignments(subjects), _subject)
    held: dict[tuple[Ref, tuple[Assignment, ...]], Held] = {}
    for draft in drafts:
        of_whom = draft.question.principal, draft.question.claim_roles
        found = held.get(of_whom)
        if found is None:
            rows = [row for subject in draft.ancestors for row in by_subject.get(subject, ())]
            found = held[of_whom] = _grouped((*rows, *draft.question.claim_roles), _place)
        draft.assignments = found


def _fetch_at_places(drafts: Sequence[_Draft], source: Source) -> None:
    """What is assigned at the places in question, to whomever."""
    asked = [(draft, draft.places()) for draft in drafts]
    places = {place for _, each in asked for place in each}
    by_place = _grouped(source.assignments_at(places) if places else (), _place)
    for draft, each in asked:
        found = [row for place in dict.fromkeys(each) for row in by_place.get(place, ())]
        draft.assignments = _grouped((*found, *draft.question.claim_roles), _place)


def _fetch_links(drafts: Sequence[_Draft], source: Source) -> None:
    """Those to the principals and their ancestors; where it is not known who these are, those to any."""
    asked = [(draft, draft.ends()) for draft in drafts]
    clear = {end for draft, ends in asked if draft.is_ancestry_known for end in ends}
    unclear = {end for draft, ends in asked if not draft.is_ancestry_known for end in ends}
    subjects = {ref for draft, _ in asked if draft.is_ancestry_known for ref in draft.ancestors}
    narrow = _grouped(source.links(clear, subjects) if clear else (), _end)
    wide = _grouped(source.links(unclear, None) if unclear else (), _end)
    for draft, ends in asked:
        found = narrow if draft.is_ancestry_known else wide
        draft.links = {end: found[end] for end in ends if end in found}


Row = TypeVar("Row", Assignment, Link)
Key = TypeVar("Key", bound=Hashable)


def _grouped(rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    groups: dict[Key, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


_subject = attrgetter("subject")
_place = attrgetter("place")


def _end(link: Link) -> tuple[Ref, str]:
    return (link.resource, link.relation)
