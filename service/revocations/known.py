"""The revocations as one worker holds them in memory, kept fresh by the feed; touched by the loop's thread alone.

Laws (identity.md, Every use of a cached credential): who cannot be sure to know every revocation older than
`max_staleness` does not answer, as unavailable and never as good. What is told while all are being read is not lost.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from policy_lang.values import Ref
from service.db.feed import REVOCATION
from service.errors import FactsUnavailable, Flaw, Unauthenticated
from service.feed.feed import Feed
from service.model import Credential
from service.revocations.revocation import (
    KeyName,
    LiftedPrincipal,
    Revocation,
    RevokedCertificate,
    RevokedKey,
    RevokedPrincipal,
    RevokedToken,
    TokenName,
    longest,
    read_key,
)
from service.telemetry import get_log

RETRY_SECONDS: Final = 0.2
"""Between two tries to read them all."""
FIRST_READ_SECONDS: Final = 5.0
"""How long a start waits for them; without them the worker is there, and unavailable until they come."""

Read = Callable[[], Sequence[Revocation]]
"""Reads every revocation; FactsUnavailable if they cannot be. It is called in a thread."""

_log = get_log("revocations")


class _Known:
    """Revocations by what they refuse. Only ever added to: of two, what refuses more stays."""

    __slots__ = ("certificates", "keys", "lifted", "principals", "tokens")

    def __init__(self, revoked: Iterable[Revocation]) -> None:
        self.tokens: dict[TokenName, int | None] = {}
        self.keys: dict[KeyName, int | None] = {}
        self.principals: dict[Ref, tuple[int, int | None]] = {}
        self.certificates: dict[str, int | None] = {}
        self.lifted: dict[Ref, int] = {}
        for each in revoked:
            self.add(each)

    def add(self, revoked: Revocation) -> None:
        """Takes one in."""
        match revoked:
            case RevokedToken(name, kept_until):
                self.tokens[name] = longest(kept_until, self.tokens.get(name, kept_until))
            case RevokedKey(key, kept_until):
                self.keys[key] = longest(kept_until, self.keys.get(key, kept_until))
            case RevokedCertificate(fingerprint, kept_until):
                self.certificates[fingerprint] = longest(kept_until, self.certificates.get(fingerprint, kept_until))
            case LiftedPrincipal(principal, revoked_until):
                self.lifted[principal] = max(revoked_until, self.lifted.get(principal, revoked_until))
            case RevokedPrincipal(principal, issued_until, kept_until):
                before, kept_before = self.principals.get(principal, (issued_until, kept_until))
                self.principals[principal] = max(issued_until, before), longest(kept_until, kept_before)

    def check_certificate(self, fingerprints: Sequence[str], principal: Ref, now: int) -> None:
        """Unauthenticated where it is revoked, or whom it names: then until that is lifted, whenever it was issued."""
        if any(each in self.certificates and _holds(self.certificates[each], now) for each in fingerprints):
            raise Unauthenticated("the certificate is revoked", Flaw.REVOKED)
        issued_until, kept_until = self.principals.get(principal, (0, 0))
        if _holds(kept_until, now) and issued_until > self.lifted.get(principal, -1):
            raise Unauthenticated("the certificate's principal is revoked", Flaw.REVOKED)


class KnownRevocations:
    """Says of a credential whether it is revoked (`ports.Revocations`); following keeps it able to."""

    def __init__(
        self, feed: Feed, read: Read, max_staleness: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._feed = feed
        self._read = read
        self._max_staleness = max_staleness
        self._clock = clock
        self._known: _Known | None = None
        self._told: list[Revocation] | None = None
        self._owed_since: float | None = clock()
        self._is_owed = asyncio.Event()
        self._is_owed.set()
        self._is_loaded = asyncio.Event()
        feed.subscribe(REVOCATION, self._hear)

    def check(self, used: Credential, now: int) -> None:
        """Returns where the credential is not revoked at `now` (milliseconds since 1970 UTC).

        Unauthenticated where it is; FactsUnavailable where that cannot be told.
        """
        known = self._fresh()
        if used.certificate:
            known.check_certificate(used.certificate, used.principal, now)
            return
        if used.token_id is not None and known.tokens:
            name = TokenName(used.issuer, used.token_id)
            if name in known.tokens and _holds(known.tokens[name], now):
                raise Unauthenticated("the token is revoked", Flaw.REVOKED)
        if used.key_id is not None and known.keys:
            key = KeyName(used.issuer, used.key_id)
            if key in known.keys and _holds(known.keys[key], now):
                raise Unauthenticated("the key that signed the token is revoked", Flaw.REVOKED)
        for named in (used.principal, used.owner):
            revoked = known.principals.get(named) if named is not None else None
            if revoked is not None and _covers(revoked, used, now):
                raise Unauthenticated(
                    "every credential of the principal that was issued by then is revoked", Flaw.REVOKED
                )

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Keeps them read while the block runs, which begins when they are, or after `FIRST_READ_SECONDS`."""
        running = asyncio.create_task(self.run())
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_loaded.wait(), FIRST_READ_SECONDS)
            yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def run(self) -> None:
        """Reads them all, at first and whenever the feed cannot say what changed, until it is cancelled."""
        while True:
            await self._is_owed.wait()
            try:
                await self._read_all()
            except FactsUnavailable as error:
                _log.warning("the revocations cannot be read", cause=str(error))
                self._is_owed.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _read_all(self) -> None:
        self._is_owed.clear()
        started, told = self._clock(), list[Revocation]()
        self._told = told
        try:
            read = await asyncio.to_thread(self._read)
        finally:
            self._told = None
        self._known = _Known([*read, *told])
        # What the feed lost track of meanwhile is to be read again, and was not known since this read at the longest.
        self._owed_since = started if self._is_owed.is_set() else None
        self._is_loaded.set()

    def _fresh(self) -> _Known:
        known, owed_since = self._known, self._owed_since
        if known is None or not self._feed.is_fresh():
            raise FactsUnavailable("it is not known what is revoked")
        if owed_since is not None and self._clock() - owed_since > self._max_staleness:
            raise FactsUnavailable(f"it was not read for longer than {self._max_staleness:g} seconds what is revoked")
        return known

    def _hear(self, key: str | None, _: int) -> None:
        """Puts in force what a change tells; what it does not tell is to be read."""
        revoked = None if key is None else read_key(key)
        if revoked is None:
            self._is_owed.set()
            self._owed_since = self._clock() if self._owed_since is None else self._owed_since
            return
        if self._told is not None:
            self._told.append(revoked)
        if self._known is not None:
            self._known.add(revoked)


def _covers(revoked: tuple[int, int | None], used: Credential, now: int) -> bool:
    issued_until, kept_until = revoked
    return _holds(kept_until, now) and (used.issued_at is None or used.issued_at * 1000 <= issued_until)


def _holds(kept_until: int | None, now: int) -> bool:
    return kept_until is None or now < kept_until
