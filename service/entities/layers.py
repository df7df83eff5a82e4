"""Reads facts from a shelf, and what it lacks from a source beneath, in one query a read."""

from collections.abc import Callable, Collection, Mapping, Sequence

from policy_lang.facts import Assignment, Link, Row, Source
from policy_lang.values import Ref
from service.db.facts_queries import STEPS
from service.entities.shelf import End, Found, Parents, Shelf, Unread


class Layered:
    """A source (`policy_lang.facts.Source`) that asks the shelf, then `beneath` for the rest.

    `found` has all that the shelf knew of what was asked.
    """

    __slots__ = ("_beneath", "_shelf", "found", "revision")

    def __init__(self, shelf: Shelf, beneath: Source, revision: str) -> None:
        self._shelf = shelf
        self._beneath = beneath
        self.found = Found()
        self.revision = revision

    def rows(self, refs: Collection[Ref]) -> Mapping[Ref, Row]:
        """The rows of those references that have one."""
        known: dict[Ref, Row] = {}
        rest: list[Ref] = []
        for ref in refs:
            row = self._shelf.row(ref)
            if isinstance(row, Unread):
                rest.append(ref)
                continue
            self.found.add_row(ref, row)
            if row is not None:
                known[ref] = row
        return {**known, **self._beneath.rows(rest)} if rest else known

    def ancestry(self, refs: Collection[Ref]) -> Mapping[Ref, Parents]:
        """The parents of each reference and of all their ancestors that have a row, up to 17 steps."""
        known: dict[Ref, Parents] = {}
        rest: list[Ref] = []
        for ref in refs:
            above = walk(ref, self._shelf.parents)
            if above is None:
                rest.append(ref)
                continue
            for node, parents in above.items():
                self.found.add_parents(node, parents)
                if parents is not None:
                    known[node] = parents
        return {**known, **self._beneath.ancestry(rest)} if rest else known

    def assignments(self, subjects: Collection[Ref]) -> Sequence[Assignment]:
        """Every assignment to one of the subjects, expired ones too."""
        known: list[Assignment] = []
        rest: list[Ref] = []
        for subject in subjects:
            held = self._shelf.held(subject)
            if isinstance(held, Unread):
                rest.append(subject)
                continue
            self.found.add_held(subject, held)
            known += held
        return [*known, *self._beneath.assignments(rest)] if rest else known

    def assignments_at(self, places: Collection[Ref | None]) -> Sequence[Assignment]:
        """Every assignment at one of the places; never at hand, as what changes is told by subject."""
        return self._beneath.assignments_at(places)

    def links(self, ends: Collection[End], subjects: Collection[Ref] | None) -> Sequence[Link]:
        """The rows of those (resource, relation) pairs, to one of the subjects; None: to any, never at hand."""
        if subjects is None:
            return self._beneath.links(ends, None)
        known: list[Link] = []
        rest: list[End] = []
        for end in ends:
            links = [(subject, self._shelf.link(end, subject)) for subject in subjects]
            at_hand = [(subject, link) for subject, link in links if not isinstance(link, Unread)]
            if len(at_hand) < len(links):
                rest.append(end)
                continue
            for subject, link in at_hand:
                self.found.add_link(end, subject, link)
                if link is not None:
                    known.append(link)
        return [*known, *self._beneath.links(rest, subjects)] if rest else known


def walk(start: Ref, parents_of: Callable[[Ref], Parents | Unread | None]) -> dict[Ref, Parents | None] | None:
    """Each entity from `start` up, as far as a read goes, with its parents; None where some are not at hand."""
    above: dict[Ref, Parents | None] = {}
    level = [start]
    for _ in range(STEPS + 1):
        for node in level:
            parents = parents_of(node)
            if isinstance(parents, Unread):
                return None
            above[node] = parents
        level = list({ref: None for node in level for ref in above[node] or () if ref not in above})
        if not level:
            break
    return above
