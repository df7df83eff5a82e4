"""What is to be read of a source for one batch, and what it brought; known things that are not there among it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from policy_lang.facts import Assignment, Link, Row
from policy_lang.values import Ref
from service.entities.shelf import End

Tie = tuple[End, Ref | None]
"""A resource's relation, and to whom; None: to anybody."""


@dataclass(slots=True)
class Wanted:
    """What is asked. Of `climbs` the ancestors within the source are wanted too."""

    rows: set[Ref] = field(default_factory=set)
    climbs: set[Ref] = field(default_factory=set)
    held: set[Ref] = field(default_factory=set)
    held_at: set[Ref | None] = field(default_factory=set)
    links: set[Tie] = field(default_factory=set)

    def __bool__(self) -> bool:
        return any(True for _ in self.asks())

    def asks(self) -> Iterator[tuple[str, object]]:
        """Each thing asked, by itself."""
        yield from (("row", ref) for ref in self.rows)
        yield from (("climb", ref) for ref in self.climbs)
        yield from (("held", subject) for subject in self.held)
        yield from (("held at", place) for place in self.held_at)
        yield from (("link", tie) for tie in self.links)


@dataclass(slots=True)
class Brought:
    """What was read; a row is None where there is none."""

    rows: dict[Ref, Row | None] = field(default_factory=dict)
    held: dict[Ref, tuple[Assignment, ...]] = field(default_factory=dict)
    held_at: dict[Ref | None, tuple[Assignment, ...]] = field(default_factory=dict)
    links: dict[Tie, tuple[Link, ...]] = field(default_factory=dict)

    def add(self, other: "Brought") -> None:
        """Takes in what another read brought."""
        self.rows.update(other.rows)
        self.held.update(other.held)
        self.held_at.update(other.held_at)
        self.links.update(other.links)
