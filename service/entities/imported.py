"""What an import is asked to do, and what it came to, for those who only pass it on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """How an import is asked for.

    `may_change`: what is there is changed, where else a line that says otherwise is at fault. `is_trial`: nothing is
    written. `may_move_grants`: members may come into teams that hold roles of the built-in module, and leave them.
    """

    may_change: bool = False
    is_trial: bool = False
    may_move_grants: bool = True


@dataclass(frozen=True, slots=True)
class Tally:
    """Facts of one kind: how many are new, how many say otherwise than what is stored, how many are stored as said."""

    added: int
    changed: int
    unchanged: int

    @property
    def facts(self) -> int:
        """How many there are."""
        return self.added + self.changed + self.unchanged


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import wrote, or would write, and the revision from which it is in force."""

    entities: Tally
    assignments: Tally
    relations: Tally
    revision: str
