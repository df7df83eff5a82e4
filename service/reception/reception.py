"""Lets a call in: finds out who makes it, and holds it to what its credential may be used for, and how often.

Laws: for a peer that failed too often nothing is fetched and no failure is told apart any more, but a good credential
stays good: what a stranger does shuts out nobody else behind the same address. A credential's own limits hold before
anything is asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import field
from time import perf_counter
from typing import Final, Protocol

from policy_lang.stages import stage
from service.authn.bearer import bearer
from service.errors import Flaw, PermissionDenied, RateLimited, Unauthenticated
from service.governance.records import scope_refusal
from service.identity import NOWHERE, Origin
from service.model import Bounds, Caller, PeerCertificate
from service.ports import Authenticator, Clock, Recorder
from service.rate import Rate
from service.reception.failures import Failures
from service.reception.leases import KEY_RATE, never_at_once
from service.reception.rates import Metering, Rates

Certified = Callable[[PeerCertificate, int], Caller]
"""The caller whose certificate it is, at that time (milliseconds since 1970 UTC); Unauthenticated where it is none."""

FETCHES: Final = 3
"""How often what is lacking is fetched: what was fetched may have changed, and been dropped, before it is looked at."""


def not_accepted(_: PeerCertificate, __: int) -> Caller:
    """Unauthenticated: where no certificates are."""
    raise Unauthenticated("certificates are not accepted here", Flaw.MISUSED)


class Meter(Protocol):
    """Counts what each credential may do in a time."""

    def spend(self, name: str, amount: int) -> bool:
        """Whether so much is at hand, and taken, without a wait."""
        ...

    async def take(self, name: str, rate: Rate, amount: int) -> None:
        """Returns when that much of the rate is taken; RateLimited where it is not to be had now."""
        ...


@stage
class Arrival:
    """A call as it came in: which RPC, from whom, with which `authorization` values and by which certificate.

    `weight` is what it counts for, beside what was `charged` for it before. `origin` is for the record; `who` is as
    whom failures are counted, which is asked for only where a call fails. `traces` and `states` are the headers
    `traceparent` and `tracestate` as they came.
    """

    rpc: str
    who: Callable[[], str]
    credentials: Sequence[str | bytes] = field(repr=False)
    weight: int = 1
    certificate: PeerCertificate | None = None
    origin: Origin = NOWHERE
    traces: Sequence[str | bytes] = ()
    states: Sequence[str | bytes] = ()
    charged: int = 0


class Traces(Protocol):
    """Who traces calls."""

    def begin(self, arrival: Arrival, began: float) -> None:
        """Begins the trace of a call that is admitted and came at that reading of `perf_counter`, if it is traced."""
        ...


class Reception:
    """Receives the calls of one worker. It belongs to the loop's thread."""

    def __init__(
        self,
        authenticator: Authenticator,
        *,
        certified: Certified = not_accepted,
        meter: Meter,
        failures: Failures,
        recorder: Recorder,
        clock: Clock,
        rates: Rates | None = None,
        traces: Traces | None = None,
    ) -> None:
        self._authenticator = authenticator
        self._of_certificate = certified
        self._meter = meter
        self._failures = failures
        self._recorder = recorder
        self._clock = clock
        self.rates = rates
        """What callers may do by the settings, None where those say nothing."""
        self._traces = traces
        self.unauthenticated = dict.fromkeys(Flaw, 0)
        """Calls without a good credential."""
        self.rate_limited = 0
        """Calls that were refused for the rate of their caller or credential."""

    @property
    def is_traced(self) -> bool:
        """Whether calls may be traced."""
        return self._traces is not None

    async def admit(self, arrival: Arrival) -> Caller:
        """The caller.

        Unauthenticated without one credential that verifies, RateLimited, PermissionDenied where the credential is not
        for this RPC, FactsUnavailable where it cannot be told.
        """
        began = perf_counter()
        caller = await self.charge(arrival)
        if self._traces is not None:
            self._traces.begin(arrival, began)
        return caller

    async def charge(self, arrival: Arrival) -> Caller:
        """As `admit`, of a call that is admitted already and turns out to weigh so much more."""
        caller = await self.verify(arrival)
        if self.rates is not None:
            metering = self.rates.metering(caller)
            if metering is not None and not self._meter.spend(metering.name, arrival.weight):
                await self._take(metering, arrival)
        if caller.bounds is not None:
            await self._hold(caller, caller.bounds, arrival)
        return caller

    def admit_at_once(self, arrival: Arrival) -> Caller | None:
        """The caller where nothing has to be waited for and no limit holds it; None of every other: `admit` that one.

        Unauthenticated, RateLimited and FactsUnavailable as `admit`.
        """
        if arrival.certificate is not None:
            return None
        try:
            caller = self._authenticator.caller(bearer(arrival.credentials), self._clock())
        except Unauthenticated as error:
            if error.fetch is not None:
                return None
            self._count_failure(arrival, error)
            raise
        bounds = caller.bounds
        if bounds is not None and (bounds.rate is not None or not bounds.scopes.reach(arrival.rpc)):
            return None
        if self.rates is not None and self.rates.metering(caller) is not None:
            return None
        if self._traces is not None:
            self._traces.begin(arrival, perf_counter())
        return caller.calling(arrival.origin)

    async def verify(self, arrival: Arrival) -> Caller:
        """The caller of a call that was admitted, or is to be: as `admit`, without its own limits."""
        return (await self._identified(arrival)).calling(arrival.origin)

    async def _identified(self, arrival: Arrival) -> Caller:
        try:
            if arrival.certificate is not None:
                return self._certified(arrival.certificate, arrival.credentials)
            token = bearer(arrival.credentials)
            for _ in range(FETCHES):
                try:
                    return self._authenticator.caller(token, self._clock())
                except Unauthenticated as error:
                    if error.fetch is None:
                        raise
                    self._failures.check(arrival.who())
                    await error.fetch()
            return self._authenticator.caller(token, self._clock())
        except RateLimited:  # of those who fail: nobody was asked
            self.unauthenticated[Flaw.TOO_MANY] += 1
            raise
        except Unauthenticated as error:
            self._count_failure(arrival, error)
            raise

    def _count_failure(self, arrival: Arrival, error: Unauthenticated) -> None:
        """Takes note of a call without a good credential; RateLimited where its peer has made too many."""
        self.unauthenticated[error.flaw] += 1
        self._failures.count(arrival.who(), str(error))

    def _certified(self, presented: PeerCertificate, others: Sequence[str | bytes]) -> Caller:
        if others:
            raise Unauthenticated("two credentials are presented: a certificate, and `authorization`")
        return self._of_certificate(presented, self._clock())

    async def _take(self, metering: Metering, arrival: Arrival) -> None:
        """Returns when the call's weight is taken of the rate; RateLimited, naming its setting, where it is used up.

        What was charged before is the same call's: both together are too much for ever where a burst has no room.
        """
        try:
            if arrival.charged and arrival.charged + arrival.weight > metering.rate.burst:
                raise never_at_once(metering.name)
            await self._meter.take(metering.name, metering.rate, arrival.weight)
        except RateLimited as error:
            self.rate_limited += 1
            raise RateLimited(str(error), error.retry_ms, limit=metering.limit) from error

    async def _hold(self, caller: Caller, bounds: Bounds, arrival: Arrival) -> None:
        if not bounds.scopes.reach(arrival.rpc):
            keeping = self._recorder.record([scope_refusal(caller, arrival.rpc, self._clock())])
            if keeping is not None:
                await keeping
            raise PermissionDenied("key_scope", f"the credential is not for `{arrival.rpc}`")
        if bounds.rate is not None:
            await self._take(Metering(bounds.name, bounds.rate, KEY_RATE), arrival)
