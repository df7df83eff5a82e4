"""Reads facts from a shelf that has them all; the first that it lacks ends the reading.

Most batches lack nothing, so what they read is noted only once something turns out to be lacking (`layers.Layered`):
noting was a fifth of a read from the cache.
"""

from collections.abc import Collection, Mapping, Sequence

from policy_lang.facts import Assignment, Link, Row
from policy_lang.values import Ref
from service.entities.layers import walk
from service.entities.shelf import End, Parents, Shelf, Unread


class NotAtHand(Exception):  # no error: the facts are to be read elsewhere
    """The shelf lacks something that was asked for."""


class AtHand:
    """A source (`policy_lang.facts.Source`) that has what the shelf has, and raises NotAtHand for all else."""

    __slots__ = ("_shelf", "revision")

    def __init__(self, shelf: Shelf, revision: str) -> None:
        self._shelf = shelf
        self.revision = revision

    def rows(self, refs: Collection[Ref]) -> Mapping[Ref, Row]:
        """The rows of those references that have one."""
        find, known = self._shelf.row, dict[Ref, Row]()
        for ref in refs:
            row = find(ref)
            if isinstance(row, Unread):
                raise NotAtHand
            if row is not None:
                known[ref] = row
        return known

    def ancestry(self, refs: Collection[Ref]) -> Mapping[Ref, Parents]:
        """The parents of each reference and of all their ancestors that have a row, up to 17 steps."""
        find, known = self._shelf.parents, dict[Ref, Parents]()
        for ref in refs:
            parents = find(ref)
            if parents == ():
                known[ref] = ()
                continue
            above = walk(ref, find)
            if above is None:
                raise NotAtHand
            known.update((node, edges) for node, edges in above.items() if edges is not None)
        return known

    def assignments(self, subjects: Collection[Ref]) -> Sequence[Assignment]:
        """Every assignment to one of the subjects, expired ones too."""
        find, known = self._shelf.held, list[Assignment]()
        for subject in subjects:
            held = find(subject)
            if isinstance(held, Unread):
                raise NotAtHand
            known += held
        return known

    def assignments_at(self, places: Collection[Ref | None]) -> Sequence[Assignment]:  # noqa: ARG002
        """Never at hand, as what changes is told by subject."""
        raise NotAtHand

    def links(self, ends: Collection[End], subjects: Collection[Ref] | None) -> Sequence[Link]:
        """The rows of those (resource, relation) pairs, to one of the subjects; None: to any, never at hand."""
        if subjects is None:
            raise NotAtHand
        known = list[Link]()
        for end in ends:
            for subject in subjects:
                link = self._shelf.link(end, subject)
                if isinstance(link, Unread):
                    raise NotAtHand
                if link is not None:
                    known.append(link)
        return known
