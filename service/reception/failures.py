"""Counts who fails to show a good credential: bounds how often one peer may, and what is written about all of them."""

import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from service.buckets import Buckets
from service.errors import RateLimited
from service.rate import Rate
from service.reception.peers import prefix_of

PEERS: Final = 10_000
"""Peers that are told apart; one that has not failed for longest is forgotten first, and starts anew."""
REASON_LENGTH: Final = 120
TOO_MANY: Final = "too many calls from there were not authenticated"
OTHERS: Final = "others"
"""Stands for every reason and network past the last row there is room for."""


class Failure(NamedTuple):
    """Calls that were not authenticated for one reason, from one network."""

    reason: str
    network: str


class Failures:
    """The failures that one worker has seen. It belongs to one thread."""

    def __init__(self, rate: Rate, rows: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`rate` is what each peer may fail, `rows` how many failures are told apart until they are taken."""
        self._rate = rate
        self._rows = rows
        self._clock = clock
        self._peers = Buckets(PEERS)
        self._counts: dict[Failure, int] = {}

    def check(self, who: str) -> None:
        """RateLimited where that peer has failed too often of late."""
        now = self._clock()
        wait = self._peers.of(who, self._rate, now).wait(1, now)
        if wait:
            self.add({Failure(TOO_MANY, prefix_of(who)): 1})
            raise RateLimited(TOO_MANY, _milliseconds(wait), limit="failed_authentications")

    def count(self, who: str, reason: str) -> None:
        """Takes note of one; RateLimited where it is one too many."""
        now = self._clock()
        if not self._peers.of(who, self._rate, now).take(1, now):
            self.check(who)
        self.add({Failure(reason[:REASON_LENGTH], prefix_of(who)): 1})

    def add(self, counts: Mapping[Failure, int]) -> None:
        """Takes note of so many, or takes back what could not be written."""
        for failure, times in counts.items():
            key = failure if failure in self._counts or len(self._counts) < self._rows - 1 else Failure(OTHERS, OTHERS)
            self._counts[key] = self._counts.get(key, 0) + times

    def taken(self) -> dict[Failure, int]:
        """What was counted since this was asked last."""
        counts, self._counts = self._counts, {}
        return counts


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000 + 0.999))
