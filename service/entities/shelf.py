"""Facts at hand one by one, those among them that are known not to be there."""

from collections.abc import Mapping
from typing import Final, Protocol, final

from policy_lang.facts import Assignment, Link, Row
from policy_lang.values import Ref

End = tuple[Ref, str]
"""A resource and the full name of one of its relations."""
Parents = tuple[Ref, ...]


@final
class Unread:
    """Nobody knows yet; None is what is known not to be there."""


UNREAD: Final = Unread()


class Shelf(Protocol):
    """Facts at hand, one by one."""

    def row(self, ref: Ref) -> Row | Unread | None:
        """The row of an entity."""
        ...

    def parents(self, ref: Ref) -> Parents | Unread | None:
        """The parents of an entity; None where it has no row."""
        ...

    def held(self, subject: Ref) -> tuple[Assignment, ...] | Unread:
        """Every assignment to a subject."""
        ...

    def link(self, end: End, subject: Ref) -> Link | Unread | None:
        """The row that ties a resource to a subject."""
        ...


class Found:
    """Facts that were read for one batch, and known not to be there; itself a shelf."""

    __slots__ = ("_assignments", "_links", "_parents", "_rows")

    def __init__(self) -> None:
        self._rows: dict[Ref, Row | None] = {}
        self._parents: dict[Ref, Parents | None] = {}
        self._assignments: dict[Ref, tuple[Assignment, ...]] = {}
        self._links: dict[End, dict[Ref, Link | None]] = {}

    @property
    def rows(self) -> Mapping[Ref, Row | None]:
        """The rows that were read, by their entity; None for one that has no row."""
        return self._rows

    @property
    def all_parents(self) -> Mapping[Ref, Parents | None]:
        """The parents that were read, by their child."""
        return self._parents

    @property
    def assignments(self) -> Mapping[Ref, tuple[Assignment, ...]]:
        """The role assignments that were read, by who holds them."""
        return self._assignments

    @property
    def links(self) -> Mapping[End, Mapping[Ref, Link | None]]:
        """By resource and relation, then by subject."""
        return self._links

    def row(self, ref: Ref) -> Row | Unread | None:
        """The row of an entity."""
        return self._rows.get(ref, UNREAD)

    def parents(self, ref: Ref) -> Parents | Unread | None:
        """The parents of an entity."""
        return self._parents.get(ref, UNREAD)

    def held(self, subject: Ref) -> tuple[Assignment, ...] | Unread:
        """Every assignment to a subject."""
        return self._assignments.get(subject, UNREAD)

    def link(self, end: End, subject: Ref) -> Link | Unread | None:
        """The row that ties a resource to a subject."""
        return self._links.get(end, _NO_LINKS).get(subject, UNREAD)

    def add_row(self, ref: Ref, row: Row | None) -> None:
        """Takes in a row."""
        self._rows[ref] = row

    def add_parents(self, ref: Ref, parents: Parents | None) -> None:
        """Takes in an entity's parents."""
        self._parents[ref] = parents

    def add_held(self, subject: Ref, assignments: tuple[Assignment, ...]) -> None:
        """Takes in all that a subject is assigned."""
        self._assignments[subject] = assignments

    def add_link(self, end: End, subject: Ref, link: Link | None) -> None:
        """Takes in a row of a relation."""
        self._links.setdefault(end, {})[subject] = link


_NO_LINKS: Final[Mapping[Ref, Link | None]] = {}
