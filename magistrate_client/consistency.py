"""How fresh the facts behind an answer are to be."""

from dataclasses import dataclass
from enum import Enum

from magistrate.v1 import authorization_pb2


class Consistency(Enum):
    """What comes first, the answer or the facts."""

    MINIMIZE_LATENCY = "minimize_latency"
    """Facts as the service has them at hand, as when nothing is said."""
    FULLY_CONSISTENT = "fully_consistent"
    """Facts as they are when the question comes in, or newer; slower, and no more often than needed."""


@dataclass(frozen=True, slots=True)
class AtLeastAsFresh:
    """Facts of that revision or newer: a write says from which revision it is in force, a decision by which it is."""

    revision: str


AnyConsistency = Consistency | AtLeastAsFresh
"""Any of the three."""


def write_consistency(given: AnyConsistency, target: authorization_pb2.Consistency) -> None:
    """Fills the message; TypeError or ValueError for what is none, or is text that no message can hold."""
    match given:
        case AtLeastAsFresh(revision):
            target.at_least_as_fresh = revision
        case Consistency.FULLY_CONSISTENT:
            target.fully_consistent = True
        case Consistency.MINIMIZE_LATENCY:
            target.minimize_latency = True
        case _:
            raise TypeError(f"expected a consistency, not {given!r}")
