"""Keeps the keys of issuers fetched: one fetch at a time of each, later after each failure, sooner when asked.

The background process does this for all workers: however many strangers name a key that nobody knows, an issuer is
asked once in an interval, not once by each worker; and keys that one worker lacked are there for all.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from service.authn.fetching import FetchFailed, Web
from service.authn.remote_keys import KeySource, RemoteKeys
from service.errors import ConfigError
from service.issuer_settings import IssuerSettings
from service.telemetry import get_log

FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Between two failures in a row; half of it is chance, so that replicas do not ask all at once."""

_log = get_log("keys")


@dataclass(frozen=True, slots=True)
class KeysFetched:
    """An issuer's JWKS as it was fetched at `at`, a moment of the machine's monotonic clock."""

    issuer: str
    at: float
    content: bytes


@dataclass(frozen=True, slots=True)
class KeysMissed:
    """An issuer's keys could not be fetched; those from before are the newest."""

    issuer: str
    why: str


Tell = Callable[[KeysFetched | KeysMissed], None]


class KeyFetching:
    """Fetches the keys of all issuers that have them on the network. It runs in one event loop."""

    def __init__(self, issuers: Sequence[IssuerSettings], tell: Tell, *, refetch_seconds: float) -> None:
        """`refetch_seconds` is the interval within which an issuer is asked once, however often that is wanted."""
        self._fetchers: Mapping[str, _Fetcher] = {
            issuer.issuer: _Fetcher(issuer, tell, refetch_seconds) for issuer in issuers if issuer.has_remote_keys
        }
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self) -> None:
        """Fetches until it is cancelled."""
        self._loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as tasks:
            for fetcher in self._fetchers.values():
                tasks.create_task(fetcher.run())

    def want(self, issuer: str) -> None:
        """Somebody lacks a key of that issuer: answers by what is fetched now, or was within the interval.

        Any thread may call it.
        """
        fetcher = self._fetchers.get(issuer)
        if fetcher is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(fetcher.want)


class _Fetcher:
    """Fetches the keys of one issuer."""

    def __init__(self, issuer: IssuerSettings, tell: Tell, refetch_seconds: float) -> None:
        self._issuer = issuer
        self._tell = tell
        self._refetch_seconds = refetch_seconds
        self._wanted = asyncio.Event()
        self._refetched_at = float("-inf")
        self._last: KeysFetched | KeysMissed | None = None
        self._is_looking = True
        self._is_wanted = False
        self._failures = 0

    def want(self) -> None:
        """Looks again at once, or within the interval after it did so says again what it saw."""
        if self._is_looking and self._is_wanted:
            return  # what this look comes to is told
        if time.monotonic() - self._refetched_at >= self._refetch_seconds:
            self._wanted.set()
        elif self._last is not None and not self._is_looking:
            self._tell(self._last)

    async def run(self) -> None:
        """Fetches again and again."""
        source = KeySource(self._issuer)
        while True:
            self._is_looking = True
            pause = await self._look(source)
            self._is_looking = False
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wanted.wait()

    async def _look(self, source: KeySource) -> float:
        """Fetches once and tells what came of it; the seconds until the next time."""
        began = time.monotonic()
        self._is_wanted = self._wanted.is_set()
        if self._is_wanted:
            self._wanted.clear()
            self._refetched_at = began
        try:
            async with Web(self._issuer) as web:
                found = await source.fetch(web)
        except (FetchFailed, ConfigError) as error:
            self._failures += 1
            _log.warning("keys not fetched", issuer=self._issuer.issuer, why=str(error), failures=self._failures)
            outcome: KeysFetched | KeysMissed = KeysMissed(self._issuer.issuer, str(error))
            pause = _pause(self._failures)
        else:
            self._failures = 0
            outcome, pause = KeysFetched(self._issuer.issuer, began, found.content), found.fresh_for
            self._say(found)
        self._last = outcome
        # Whoever wanted keys while these were under way may lack newer ones: the next look, which follows, tells him.
        if not self._wanted.is_set():
            self._tell(outcome)
        return pause

    def _say(self, found: RemoteKeys) -> None:
        if isinstance(self._last, KeysFetched) and self._last.content == found.content:
            return
        _log.info("keys fetched", issuer=self._issuer.issuer, keys=sorted(found.jwks.keys.keys))
        for fault in found.jwks.faults:
            _log.warning("key refused", issuer=self._issuer.issuer, why=fault)


def _pause(failures: int) -> float:
    longest = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  # it spreads load, it hides nothing
