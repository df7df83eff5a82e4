"""What a worker knows revocations by: a feed that is told by hand, and a read that gives what it is given."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from service.db.feed import FORMAT, Change
from service.db.feed_reading import Polled, Told
from service.feed.feed import Feed
from service.revocations.known import KnownRevocations
from service.revocations.revocation import Revocation, revocation_change
from tests.service.clock import Clock

MAX_STALENESS = 10.0


@dataclass
class Worker:
    """A feed with its revocations, and the revision that was told last."""

    clock: Clock
    feed: Feed
    revocations: KnownRevocations
    n: int = 0

    def tell(self, *revoked: Revocation) -> None:
        """Has the feed tell of them, each with a revision of its own."""
        self.tell_changes(map(revocation_change, revoked))

    def tell_changes(self, changes: Iterable[Change]) -> None:
        """Has the feed tell of those changes."""
        told = [Told(self.n + place, FORMAT, *change) for place, change in enumerate(changes, start=1)]
        self.n += len(told)
        self.feed.apply(Polled("e", self.n, tuple(told)), self.clock())

    def lose_track(self) -> None:
        """Has the feed find that it has missed something."""
        self.n += 2
        self.feed.apply(Polled("e", self.n, ()), self.clock())


@dataclass
class Stored:
    """What a read gives; how often it was read."""

    revoked: Sequence[Revocation] = ()
    error: Exception | None = None
    reads: int = 0

    def read(self) -> Sequence[Revocation]:
        """What is stored."""
        self.reads += 1
        if self.error is not None:
            raise self.error
        return self.revoked


def worker_over(stored: Stored) -> Worker:
    """A worker that has not read yet, and whose feed has begun."""
    clock = Clock()
    feed = Feed(MAX_STALENESS, clock)
    worker = Worker(clock, feed, KnownRevocations(feed, stored.read, MAX_STALENESS, clock))
    feed.apply(Polled("e", 0, ()), clock())
    return worker


@asynccontextmanager
async def working(stored: Stored) -> AsyncIterator[Worker]:
    """A worker that has read what is stored, while the block runs."""
    worker = worker_over(stored)
    async with worker.revocations.followed():
        yield worker
