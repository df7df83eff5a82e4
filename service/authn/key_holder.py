"""Holds the fetched keys of issuers in a worker, and asks for newer ones where a token names one that is not there.

Laws: the last good keys stay while newer ones cannot be had, and are good for `keys_max_stale_seconds` after they were
fetched. A call waits for newer keys once in an interval at most, together with all others that do.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from service.authn.jwks import BadJwks, read_jwks
from service.authn.keys import NO_KEYS, KeySet
from service.issuer_settings import IssuerSettings
from service.samples import Samples
from service.telemetry import get_log

WAIT_SECONDS: Final = 3.0
"""How long a call waits for keys."""
REFETCH_SECONDS: Final = 10.0

Ask = Callable[[str], None]
"""Has the keys of that issuer fetched; `take` or `miss` tells what came of it."""
Fetch = Callable[[], Awaitable[None]]
Follow = Callable[[str], None]

_log = get_log("keys")


@dataclass(slots=True)
class _Held:
    """What is known of one issuer's keys."""

    issuer: IssuerSettings
    keys: KeySet = NO_KEYS
    content: bytes = b""
    fetched_at: float = float("-inf")
    asked_at: float = float("-inf")
    is_told: asyncio.Event = field(default_factory=asyncio.Event)


class KeyHolder:
    """The fetched keys of one worker. It belongs to one event loop."""

    def __init__(
        self,
        issuers: Sequence[IssuerSettings],
        ask: Ask,
        *,
        refetch_seconds: float = REFETCH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._held = {issuer.issuer: _Held(issuer) for issuer in issuers if issuer.has_remote_keys}
        self._ask = ask
        self._refetch_seconds = refetch_seconds
        self._clock = clock
        self._followers: list[Follow] = []

    def follow(self, follower: Follow) -> None:
        """Calls the follower with the issuer whose keys have changed."""
        self._followers.append(follower)

    def keys(self, issuer: str) -> KeySet:
        """The keys as they were fetched last; none before."""
        held = self._held.get(issuer)
        return NO_KEYS if held is None else held.keys

    def good_until(self, issuer: str) -> float:
        """The moment of the clock from which the keys are too old to be good."""
        held = self._held.get(issuer)
        return float("inf") if held is None else held.fetched_at + held.issuer.keys_max_stale_seconds

    def tell(self, samples: Samples) -> None:
        """Says how long each issuer's keys are good yet, which is 0 where none were ever fetched, and were at first."""
        now = self._clock()
        for name, held in self._held.items():
            labels = (("issuer", name),)
            samples.states["magistrate_issuer_keys_left_seconds", labels] = max(0.0, self.good_until(name) - now)
            samples.states["magistrate_issuer_keys_max_stale_seconds", labels] = held.issuer.keys_max_stale_seconds

    def take(self, issuer: str, content: bytes, at: float) -> None:
        """Holds what was fetched at that moment of the clock, from now on."""
        held = self._held.get(issuer)
        if held is None:
            return
        if content != held.content:
            try:
                held.keys = read_jwks(content, frozenset(held.issuer.algorithms), "the JWKS").keys
            except BadJwks as error:
                _log.error("keys not taken", issuer=issuer, why=str(error))
                self.miss(issuer)
                return
            held.content = content
        held.fetched_at = at
        for follow in self._followers:
            follow(issuer)
        held.is_told.set()

    def miss(self, issuer: str) -> None:
        """There are no newer keys now."""
        if issuer in self._held:
            self._held[issuer].is_told.set()

    def lacking(self, issuer: str) -> Fetch | None:
        """What waits for newer keys of the issuer; None where there can be none, or they were asked for just now."""
        held = self._held.get(issuer)
        if held is None:
            return None
        is_waiting = not held.is_told.is_set()
        if not is_waiting and self._clock() - held.asked_at < self._refetch_seconds:
            return None
        return lambda: self._fetch(held)

    async def first(self, within: float) -> None:
        """Waits until there was an answer about every issuer's keys, or for so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                for held in self._held.values():
                    await held.is_told.wait()

    async def _fetch(self, held: _Held) -> None:
        if held.is_told.is_set():
            held.is_told.clear()
            held.asked_at = self._clock()
            self._ask(held.issuer.issuer)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await held.is_told.wait()
        except TimeoutError:
            held.is_told.set()  # nobody answers; further calls need not wait for it
