"""The mapped half of the facts at hand (`policy_lang.facts.Source`); what is not at hand is noted, by its source."""

from collections.abc import Collection, Mapping, Sequence

from policy_lang.facts import Assignment, Link, Row
from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.entities.elsewhere import Elsewhere
from service.entities.mapped.aged import MappedShelf
from service.entities.mapped.wanted import Wanted
from service.entities.shelf import End, Parents, Unread


class Noting:
    """Answers from the shelves of the sources; where something is wanted, nothing decided by that may be used."""

    __slots__ = ("_elsewhere", "_schema", "_shelves", "wanted")

    def __init__(self, schema: Schema, elsewhere: Elsewhere, shelves: Mapping[str, MappedShelf]) -> None:
        self._schema = schema
        self._elsewhere = elsewhere
        self._shelves = shelves
        self.wanted: dict[str, Wanted] = {}
        """By source, what is not at hand."""

    def rows(self, refs: Collection[Ref]) -> Mapping[Ref, Row]:
        """The rows of those references that have one; one without values for each that is not at hand."""
        known: dict[Ref, Row] = {}
        for ref in self._declared(refs):
            source = self._elsewhere.types[ref.type]
            row = self._shelves[source].row(ref)
            if isinstance(row, Unread):
                self._want(source).rows.add(ref)
                known[ref] = Row(self._schema.types[ref.type].complete({}), ())
            elif row is not None:
                known[ref] = row
        return known

    def ancestry(self, refs: Collection[Ref]) -> Mapping[Ref, Parents]:
        """The parents of each reference that has a row; those above them are asked for in turn."""
        known: dict[Ref, Parents] = {}
        for ref in self._declared(refs):
            source = self._elsewhere.types[ref.type]
            row = self._shelves[source].row(ref)
            if isinstance(row, Unread):
                self._want(source).climbs.add(ref)
                known[ref] = ()
            elif row is not None:
                known[ref] = row.parents
        return known

    def assignments(self, subjects: Collection[Ref]) -> Sequence[Assignment]:
        """Every assignment to one of the subjects, expired ones too."""
        found: list[Assignment] = []
        for subject in dict.fromkeys(subjects):
            for source in self._elsewhere.subjects.get(subject.type, ()):
                held = self._shelves[source].held(subject)
                if isinstance(held, Unread):
                    self._want(source).held.add(subject)
                else:
                    found += held
        return found

    def assignments_at(self, places: Collection[Ref | None]) -> Sequence[Assignment]:
        """Every assignment at one of the places."""
        found: list[Assignment] = []
        for place in dict.fromkeys(places):
            for source in self._elsewhere.places.get(place.type if place is not None else None, ()):
                held = self._shelves[source].held_at(place)
                if isinstance(held, Unread):
                    self._want(source).held_at.add(place)
                else:
                    found += held
        return found

    def links(self, ends: Collection[End], subjects: Collection[Ref] | None) -> Sequence[Link]:
        """The rows of those (resource, relation) pairs, to one of the subjects; None: to any."""
        found: list[Link] = []
        asked: Collection[Ref | None] = (None,) if subjects is None else subjects
        for end in dict.fromkeys(ends):
            resource, relation = end
            source = self._elsewhere.relations[relation, resource.type]
            for subject in dict.fromkeys(asked):
                links = self._shelves[source].links((end, subject))
                if isinstance(links, Unread):
                    self._want(source).links.add((end, subject))
                else:
                    found += links
        return found

    def _declared(self, refs: Collection[Ref]) -> Collection[Ref]:
        stored = self._schema.stored
        return [ref for ref in refs if ref.type in stored]

    def _want(self, source: str) -> Wanted:
        return self.wanted.setdefault(source, Wanted())
