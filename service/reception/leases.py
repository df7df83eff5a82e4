"""Meters what credentials do in one worker, with small amounts leased from the one keeper of the replica's buckets.

Law: nothing is let through that was not leased, and what is leased is in no bucket, so that all workers together never
let through more than the rate says. What a worker leased and does not use, it gives back.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from service.errors import FactsUnavailable, RateLimited
from service.lru import Lru
from service.rate import Rate

NAMES: Final = 10_000
"""Credentials whose leases a worker keeps; what is leased for one that is forgotten is lost to it, never doubled."""
IDLE_SECONDS: Final = 0.25
"""How long a lease may lie unused."""
ANSWER_SECONDS: Final = 2.0
KEY_RATE: Final = "key.rate"
"""How a credential's own rate is called."""


class Wanted(NamedTuple):
    """What a worker asks of the keeper: at least `amount` for that name. Its answer has the same number."""

    number: int
    name: str
    rate: Rate
    amount: int


class Keeper(Protocol):
    """Who keeps the buckets. What it is asked it answers later, by `Leases.answered`."""

    def ask(self, wanted: Wanted) -> None:
        """Asks for a lease."""
        ...

    def give_back(self, name: str, amount: int) -> None:
        """Gives back what was not used."""
        ...


class Lease(NamedTuple):
    """The keeper's answer: how much it gives; if that is nothing, when to ask again, None for never."""

    amount: int
    retry_ms: int | None


@dataclass(slots=True)
class _Held:
    """What a worker has for one name. Until `empty_until` the keeper has nothing either."""

    amount: int = 0
    used_at: float = 0.0
    empty_until: float = 0.0
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class Leases:
    """The leases of one worker (`reception.Meter`). It belongs to the loop's thread."""

    def __init__(self, keeper: Keeper, clock: Callable[[], float] = time.monotonic) -> None:
        self._keeper = keeper
        self._clock = clock
        self._held: Lru[str, _Held] = Lru(NAMES)
        self._idle: dict[str, _Held] = {}
        self._asked: dict[int, asyncio.Future[Lease]] = {}
        self._number = 0

    def spend(self, name: str, amount: int) -> bool:
        """Whether so much was leased already, and is taken."""
        held = self._held.get(name)
        return held is not None and self._spend(held, amount)

    async def take(self, name: str, rate: Rate, amount: int) -> None:
        """Returns when that much is taken; RateLimited where it is not to be had now."""
        held = self._held.get(name)
        if held is None:
            held = _Held()
            self._held.put(name, held)
        if not self._spend(held, amount):
            async with held.asking:
                if not self._spend(held, amount):
                    await self._lease(held, name, rate, amount)
        if held.amount:
            self._idle[name] = held

    def answered(self, number: int, lease: Lease) -> None:
        """Takes the keeper's answer."""
        waiting = self._asked.pop(number, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(lease)

    async def run(self) -> None:
        """Gives back what lies unused; never returns."""
        while True:
            await asyncio.sleep(IDLE_SECONDS)
            self._give_back(self._clock() - IDLE_SECONDS)

    def _give_back(self, before: float) -> None:
        for name, held in list(self._idle.items()):
            if held.used_at <= before:
                del self._idle[name]
                amount, held.amount = held.amount, 0
                if amount:
                    self._keeper.give_back(name, amount)

    def _spend(self, held: _Held, amount: int) -> bool:
        if held.amount < amount:
            return False
        held.amount -= amount
        held.used_at = self._clock()
        return True

    async def _lease(self, held: _Held, name: str, rate: Rate, amount: int) -> None:
        """Leases what is lacking, and spends it; only one call of a name asks at a time."""
        wait = held.empty_until - self._clock()
        if wait > 0:
            raise _limited(name, int(wait * 1000) + 1)
        while not self._spend(held, amount):  # what was at hand others may have used, or given back, while it asked
            lease = await self._ask(name, rate, amount - held.amount)
            held.amount += lease.amount
            if not lease.amount:
                # What was too much for one may be enough for another, unless nothing at all is left.
                if lease.retry_ms is not None and amount == 1:
                    held.empty_until = self._clock() + lease.retry_ms / 1000
                raise _limited(name, lease.retry_ms)

    async def _ask(self, name: str, rate: Rate, amount: int) -> Lease:
        self._number += 1
        number = self._number
        waiting: asyncio.Future[Lease] = asyncio.get_running_loop().create_future()
        self._asked[number] = waiting
        self._keeper.ask(Wanted(number, name, rate, amount))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await waiting
        except TimeoutError as error:
            raise FactsUnavailable("the keeper of the rates does not answer") from error
        finally:
            self._asked.pop(number, None)


def never_at_once(name: str) -> RateLimited:
    """What is said of a call that is larger than its rate's burst."""
    return RateLimited(f"the rate of `{name}` never lets through so much at once", None, limit=KEY_RATE)


def _limited(name: str, retry_ms: int | None) -> RateLimited:
    if retry_ms is None:
        return never_at_once(name)
    return RateLimited(f"the rate of `{name}` is used up", retry_ms, limit=KEY_RATE)
