"""Compares what two bundles declare: what is added, removed, changed, by what it says and not by how it is written."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum

from policy_lang.reviewing.contents import Item, Kind, Lines, contents, locations
from policy_lang.typed import Program


class How(Enum):
    """What became of an item."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """An item that differs; no lines on the side where it is not. Of a rule is known where it stood and stands."""

    item: Item
    before: Lines
    after: Lines
    old_location: str = ""
    new_location: str = ""

    @property
    def how(self) -> How:
        """What became of it."""
        if self.before and self.after:
            return How.CHANGED
        return How.REMOVED if self.before else How.ADDED

    @property
    def diff(self) -> tuple[str, ...]:
        """Its lines, each behind `- `, `+ ` or, where it stays, two spaces."""
        return tuple(self._diff())

    def _diff(self) -> Iterator[str]:
        for tag, from_, to, at, end in SequenceMatcher(None, self.before, self.after, autojunk=False).get_opcodes():
            if tag == "equal":
                yield from (f"  {line}" for line in self.before[from_:to])
                continue
            yield from (f"- {line}" for line in self.before[from_:to])
            yield from (f"+ {line}" for line in self.after[at:end])


def changes(old: Program, new: Program) -> tuple[Change, ...]:
    """Every item that the two do not have alike, in the order of `contents`."""
    before, after = contents(old), contents(new)
    stood, stands = locations(old), locations(new)
    kinds = list(Kind)
    items = sorted(before.keys() | after.keys(), key=lambda item: (kinds.index(item.kind), item.name))
    found = (
        Change(item, before.get(item, ()), after.get(item, ()), stood.get(item, ""), stands.get(item, ""))
        for item in items
    )
    return tuple(change for change in found if change.before != change.after)
