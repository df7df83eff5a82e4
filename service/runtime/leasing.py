"""Keeps the buckets of all workers, and leases them small amounts.

Law: what a worker gets is taken from the bucket at once, so that no two can use it.
"""

import time
from collections.abc import Callable
from typing import Final

from service.buckets import Buckets
from service.rate import Rate
from service.runtime.messages import GivenBack, Leased, Wanted

NAMES: Final = 100_000
"""Credentials that are told apart; one that asked nothing for longest is forgotten first, and starts anew."""
SHARE: Final = 16
"""A lease is at most one in so many of what is left: the less there is, the smaller the leases, down to one."""
LARGEST: Final = 64


class Lessor:
    """The buckets of one replica."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets = Buckets(NAMES)

    def lease(self, wanted: Wanted) -> Leased:
        """What the worker gets: all that it wants and a little more, or nothing."""
        now = self._clock()
        bucket = self._buckets.of(wanted.name, Rate(wanted.per_minute, wanted.burst), now)
        if not bucket.take(wanted.amount, now):
            wait = bucket.wait(wanted.amount, now)
            return Leased(wanted.number, 0, None if wait is None else max(1, round(wait * 1000 + 0.5)))
        more = min(LARGEST, int(bucket.level(now)) // SHARE)
        bucket.take(more, now)
        return Leased(wanted.number, wanted.amount + more, None)

    def take_back(self, given: GivenBack) -> None:
        """Puts in again what a worker did not use."""
        bucket = self._buckets.find(given.name)
        if bucket is not None:
            bucket.give_back(given.amount)
