"""Facts from memory: the rows, assignments and links that a policy's test gives."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from policy_lang.ancestry import DEPTH_LIMIT
from policy_lang.facts import Assignment, Link, Row
from policy_lang.typed import EntityFixture
from policy_lang.values import Ref


class FixtureSource:
    """A `facts.Source` over a few entities; those whose cells are None have no row."""

    def __init__(
        self,
        entities: Iterable[EntityFixture],
        assignments: Sequence[Assignment] = (),
        links: Sequence[Link] = (),
    ) -> None:
        self._rows = {each.ref: Row(each.cells, each.parents) for each in entities if each.cells is not None}
        self._assignments = assignments
        self._links = links

    def rows(self, refs: Collection[Ref]) -> Mapping[Ref, Row]:
        """The rows of those references that have one."""
        return {ref: self._rows[ref] for ref in refs if ref in self._rows}

    def ancestry(self, refs: Collection[Ref]) -> Mapping[Ref, tuple[Ref, ...]]:
        """The parents of each reference and of all their ancestors that have a row."""
        parents: dict[Ref, tuple[Ref, ...]] = {}
        level = set(refs)
        for _ in range(DEPTH_LIMIT + 1):
            found = {ref: self._rows[ref].parents for ref in level if ref in self._rows}
            parents |= found
            level = {parent for edges in found.values() for parent in edges} - parents.keys()
        return parents

    def assignments(self, subjects: Collection[Ref]) -> Sequence[Assignment]:
        """Every assignment to one of the subjects."""
        return [row for row in self._assignments if row.subject in subjects]

    def assignments_at(self, places: Collection[Ref | None]) -> Sequence[Assignment]:
        """Every assignment at one of the places."""
        return [row for row in self._assignments if row.place in places]

    def links(self, ends: Collection[tuple[Ref, str]], subjects: Collection[Ref] | None) -> Sequence[Link]:
        """The rows of those (resource, relation) pairs, to one of the subjects; None: to any."""
        return [
            row
            for row in self._links
            if (row.resource, row.relation) in ends and (subjects is None or row.subject in subjects)
        ]
