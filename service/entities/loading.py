"""The two sources beneath a cache: one that notes what is lacking, and one that keeps what it reads."""

from collections.abc import Collection, Mapping, Sequence

from policy_lang.facts import Assignment, Link, Row, Source
from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.entities.layers import walk
from service.entities.shelf import End, Found, Parents


class Lacking:
    """A source that has nothing, notes what it was asked for, and answers so that more will be asked for.

    Nothing that is decided by its answers may be used.
    """

    __slots__ = ("_schema", "lacks")

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.lacks: set[tuple[object, ...]] = set()

    def rows(self, refs: Collection[Ref]) -> Mapping[Ref, Row]:
        """A row for each, with no value in it."""
        self.lacks.update(("row", ref) for ref in refs)
        return {ref: Row(self._schema.types[ref.type].complete({}), ()) for ref in refs}

    def ancestry(self, refs: Collection[Ref]) -> Mapping[Ref, Parents]:
        """No parents for any."""
        self.lacks.update(("parents", ref) for ref in refs)
        return dict.fromkeys(refs, ())

    def assignments(self, subjects: Collection[Ref]) -> Sequence[Assignment]:
        """None."""
        self.lacks.update(("held", subject) for subject in subjects)
        return ()

    def assignments_at(self, places: Collection[Ref | None]) -> Sequence[Assignment]:
        """None."""
        self.lacks.update(("held at", place) for place in places)
        return ()

    def links(self, ends: Collection[End], subjects: Collection[Ref] | None) -> Sequence[Link]:
        """None."""
        self.lacks.update(("links", end, subject) for end in ends for subject in (subjects or (None,)))
        return ()


class Recording:
    """A source that keeps what it reads beneath, and what is not there, in `found`."""

    __slots__ = ("_beneath", "found")

    def __init__(self, beneath: Source) -> None:
        self._beneath = beneath
        self.found = Found()

    def rows(self, refs: Collection[Ref]) -> Mapping[Ref, Row]:
        """The rows of those references that have one."""
        read = self._beneath.rows(refs)
        for ref in refs:
            row = read.get(ref)
            self.found.add_row(ref, row)
            self.found.add_parents(ref, None if row is None else row.parents)
        return read

    def ancestry(self, refs: Collection[Ref]) -> Mapping[Ref, Parents]:
        """The parents of each reference and of all their ancestors that have a row, up to 17 steps."""
        read = self._beneath.ancestry(refs)
        for ref in refs:
            for node, parents in (walk(ref, read.get) or {}).items():
                self.found.add_parents(node, parents)
        return read

    def assignments(self, subjects: Collection[Ref]) -> Sequence[Assignment]:
        """Every assignment to one of the subjects, expired ones too."""
        read = self._beneath.assignments(subjects)
        held: dict[Ref, list[Assignment]] = {subject: [] for subject in subjects}
        for assignment in read:
            held[assignment.subject].append(assignment)
        for subject, assignments in held.items():
            self.found.add_held(subject, tuple(assignments))
        return read

    def assignments_at(self, places: Collection[Ref | None]) -> Sequence[Assignment]:
        """Every assignment at one of the places; not kept, as what changes is told by subject."""
        return self._beneath.assignments_at(places)

    def links(self, ends: Collection[End], subjects: Collection[Ref] | None) -> Sequence[Link]:
        """The rows of those (resource, relation) pairs, to one of the subjects; None: to any, not kept."""
        read = self._beneath.links(ends, subjects)
        if subjects is None:
            return read
        tied = {(link.resource, link.relation, link.subject): link for link in read}
        for resource, relation in ends:
            for subject in subjects:
                self.found.add_link((resource, relation), subject, tied.get((resource, relation, subject)))
        return read
