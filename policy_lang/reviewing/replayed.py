"""What became of recorded decisions that were decided again: alike, flipped and by which rules, left out and why."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from policy_lang.reviewing.goals import What
from policy_lang.reviewing.recorded import BadRecord, Recorded

EXAMPLES: Final = 3
"""Records that are named of each group."""

Outcome = tuple[What | None, tuple[str, ...]]
"""How the answers differ, None where they do not, and the rules that make them differ."""


class LeftOut(Exception):
    """A record that cannot be decided again; says why."""


@dataclass(slots=True)
class Flips:
    """Records that are now decided differently, because of the same rules; the first few are named."""

    what: What
    rules: tuple[str, ...]
    count: int = 0
    examples: list[Recorded] = field(default_factory=list)


@dataclass(slots=True)
class Replayed:
    """What became of all records: how many are decided alike, which flip, how many are left out and why."""

    alike: int = 0
    flips: dict[tuple[What, tuple[str, ...]], Flips] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many records there are."""
        return self.alike + self.flipped + sum(self.left_out.values())

    @property
    def flipped(self) -> int:
        """How many are decided differently."""
        return sum(each.count for each in self.flips.values())

    def note(self, recorded: Recorded, outcome: Outcome) -> None:
        """Takes in one record that was decided again."""
        what, rules = outcome
        if what is None:
            self.alike += 1
            return
        flips = self.flips.setdefault((what, rules), Flips(what, rules))
        flips.count += 1
        if len(flips.examples) < EXAMPLES:
            flips.examples.append(recorded)

    def leave_out(self, reason: str) -> None:
        """Takes in one record that cannot be decided again."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


def decide_again(records: Iterable[Recorded | str], outcome: Callable[[Recorded], Outcome]) -> Replayed:
    """What became of each record; a string stands for one that is no decision of policies, and says what it is.

    `outcome` raises LeftOut.
    """
    replayed = Replayed()
    for recorded in records:
        if isinstance(recorded, str):
            replayed.leave_out(recorded)
            continue
        try:
            found = outcome(recorded)
        except LeftOut as reason:
            replayed.leave_out(str(reason))
        except BadRecord as fault:
            replayed.leave_out(f"no record: {fault}")
        else:
            replayed.note(recorded, found)
    return replayed
