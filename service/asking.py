"""The one way from a call to its answers, behind every door: who calls, how fresh, admit, fetch, decide, record.

Laws: nothing is admitted before the worker is as fresh as the caller asks, for credentials and policies change by the
same revisions as facts; and who waited is looked at again, for a credential may end meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from math import inf
from time import perf_counter

from policy_lang.decision import Decision, Effect
from policy_lang.explanation import Explanation
from policy_lang.stages import stage
from policy_lang.values import Ref
from service.errors import DeadlineExceeded, MagistrateError, Unauthenticated
from service.model import (
    Answer,
    Answers,
    Batch,
    Caller,
    CheckRequest,
    Consistency,
    Flip,
    Keeping,
    Known,
    Latency,
    Refused,
)
from service.pdp import DecisionPoint
from service.reception.reception import FETCHES, Arrival, Reception
from service.shadowing import Shadowing
from service.stages import decide_ended, fetch_ended, record_ended, verify_ended
from service.stopping import ended_at
from service.traces import TRACE, Note

Fetch = Callable[[Batch, Consistency, int | None], Awaitable[Known]]
"""Gives what `DecisionPoint.know` makes of facts so fresh; the int is what the deadline leaves, in milliseconds."""
AtHand = Callable[[Batch], Known | None]
"""The same of the facts that are at hand, None where some are not; it waits for nothing."""
Reach = Callable[[Consistency, int | None], Awaitable[Consistency]]
"""Waits until the worker is so fresh; what to ask of `Fetch` for the same."""


def nothing_at_hand(_: Batch) -> None:
    """Where all facts are fetched."""
    return


@stage
class Call:
    """A call as a door has it: how it arrived, and the seconds that its caller still waits, None for ever.

    No wait for it is longer than `most` seconds.
    """

    arrival: Arrival
    time_remaining: Callable[[], float | None]
    most: float = inf

    def weighing(self, weight: int) -> "Call":
        """The same call, counting for so much more of its caller's rate."""
        return replace(self, arrival=replace(self.arrival, weight=weight, charged=self.arrival.weight))

    def remaining_ms(self) -> int | None:
        """The milliseconds that are left, at least one; DeadlineExceeded where there is nothing left."""
        remaining = self.time_remaining()
        if remaining is None or remaining > self.most:
            remaining = self.most
        if remaining == inf:
            return None
        if remaining <= 0:
            raise DeadlineExceeded("the deadline passed before the facts were read")
        return max(1, int(remaining * 1000))


class Asking:
    """Answers the questions of one worker's calls. It belongs to the loop's thread."""

    def __init__(
        self,
        reception: Reception,
        pdp: DecisionPoint,
        *,
        fetch: Fetch,
        reach: Reach,
        at_hand: AtHand = nothing_at_hand,
        shadowing: Shadowing | None = None,
    ) -> None:
        self._reception = reception
        self._pdp = pdp
        self._fetch = fetch
        self._reach = reach
        self._at_hand = at_hand
        self._shadowing = shadowing

    @property
    def answers_together(self) -> bool:
        """Whether `decide_at_once` may answer several calls as one: not where each may be traced, or has to wait."""
        return self._is_ready and not self._reception.is_traced

    def admit_at_once(self, call: Call) -> Caller | None:
        """The caller as `admit` gives it, None where that would wait; such a caller is not to be admitted again."""
        began = perf_counter()
        caller = self._reception.admit_at_once(call.arrival)
        if caller is not None:
            verify_ended(began)
        return caller

    def decide_at_once(
        self, call: Call, caller: Caller, checks: Sequence[CheckRequest | MagistrateError]
    ) -> Answers | None:
        """The answers as `decide` gives them, but for their `keeping`: where they have one, `kept` waits for it.

        None where `decide` would wait for something else, or tell a trace; then nothing was recorded.
        """
        if not self._is_ready or TRACE.get() is not None:
            return None
        began, place = perf_counter(), self._enter(caller)
        try:
            call.remaining_ms()
            batch = self._pdp.admit(caller, checks)
            known = self._at_hand(batch)
            if known is None or _lacking(known):
                return None
            began = fetch_ended(began)
            decisions = self._pdp.decide(batch, known)
            began = decide_ended(began)
            answers = self._pdp.record(batch, known, decisions)
            if answers.keeping is None:
                record_ended(began)
            return answers
        finally:
            self._leave(place)

    async def kept(self, keeping: Keeping) -> None:
        """Returns when what `decide_at_once` answered may be told; AuditUnavailable where it may not."""
        began = perf_counter()
        await keeping
        record_ended(began)

    async def admit(self, call: Call) -> Caller:
        """The caller; errors as `Reception.admit`. Without a good credential: no wait, and nothing learnt."""
        began = perf_counter()
        caller = await self._reception.admit(call.arrival)
        verify_ended(began)
        return caller

    async def charge(self, call: Call) -> Caller:
        """The caller of an admitted call, looked at again, which turns out to weigh so much more; errors as `admit`."""
        return await self._reception.charge(call.arrival)

    async def reach(self, call: Call, caller: Caller, asked: Consistency) -> tuple[Caller, Consistency]:
        """The caller, once the worker is as fresh as it asks, and what that comes to for the facts.

        DeadlineExceeded, FactsUnavailable, RevisionUnknown and RevisionNotReached where it cannot be.
        """
        if asked is Latency.MINIMAL:
            return caller, asked
        place = self._enter(caller)
        try:
            reached = await self._reach(asked, call.remaining_ms())
        finally:
            self._leave(place)
        return await self._reception.verify(call.arrival), reached

    async def decide(
        self,
        call: Call,
        caller: Caller,
        checks: Sequence[CheckRequest | MagistrateError],
        consistency: Consistency,
        *,
        until: Effect | None = None,
    ) -> Answers:
        """The answers, when they are kept as durably as the record is to be; errors that came in keep their place.

        With `until` the first of that effect is the last, and nothing behind it is recorded; errors count as denied.
        """
        began, place = perf_counter(), self._enter(caller)
        try:
            batch, known = await self._known(call, self._pdp.admit(caller, checks), consistency)
            return await self._recorded(call, batch, known, began=fetch_ended(began), until=until)
        finally:
            self._leave(place)

    async def explain(
        self, call: Call, caller: Caller, check: CheckRequest, consistency: Consistency
    ) -> tuple[Answers, tuple[Explanation, ...]]:
        """The answer to one question and how it comes about: no explanation where the question is refused."""
        began, place = perf_counter(), self._enter(caller)
        try:
            batch, known = await self._known(call, self._pdp.admit_explanation(caller, check), consistency)
            answers = await self._recorded(call, batch, known, began=fetch_ended(began))
            return answers, self._pdp.explain(batch, known)
        finally:
            self._leave(place)

    @property
    def _is_ready(self) -> bool:
        """Whether facts may be at hand, and no other policies are to be asked too."""
        return self._at_hand is not nothing_at_hand and not self._is_shadowed

    @property
    def _is_shadowed(self) -> bool:
        return self._shadowing is not None and self._shadowing.is_on

    def _enter(self, caller: Caller) -> Ref | None:
        """Takes one of the caller's places; RateLimited where it has none left."""
        rates = self._reception.rates
        return None if rates is None else rates.enter(caller)

    def _leave(self, place: Ref | None) -> None:
        if place is not None and self._reception.rates is not None:
            self._reception.rates.leave(place)

    async def _recorded(
        self, call: Call, batch: Batch, known: Known, *, began: float, until: Effect | None = None
    ) -> Answers:
        decisions: Sequence[Decision] = self._pdp.decide(batch, known)
        if until is not None:
            known, decisions = ended_at(until, known, decisions, self._pdp.effects(known, decisions))
        began = decide_ended(began)
        flips: Sequence[Flip | None] = ()
        if self._shadowing is not None and self._shadowing.is_on:
            flips = await self._shadowing.compare(batch, known, decisions, call.time_remaining())
            began = perf_counter()  # else it would be told as the time of recording
        answers = self._pdp.record(batch, known, decisions, flips)
        if answers.keeping is not None:
            await answers.keeping
        record_ended(began)
        trace = TRACE.get()
        if trace is not None:
            trace.note(_notes_of(answers))
        return answers

    async def _known(self, call: Call, batch: Batch, consistency: Consistency) -> tuple[Batch, Known]:
        """What is known of a batch; of one admitted anew where what is fetched may yet verify a `principal_token`.

        Nothing is fetched for a caller that may not ask about bearers, and who waited for it is looked at again.
        """
        known = await self._fetch(batch, consistency, call.remaining_ms())
        for _ in range(FETCHES):
            lacking = _lacking(known)
            if not lacking:
                break
            await asyncio.gather(*(fetch() for fetch in lacking))
            batch = self._pdp.admit_again(batch, await self._reception.verify(call.arrival))
            known = await self._fetch(batch, consistency, call.remaining_ms())
        return batch, known


def _notes_of(answers: Answers) -> dict[str, Note]:
    """What a trace has of answers: nothing that their callers do not see."""
    given = [item for item in answers.items if isinstance(item, Answer)]
    notes: dict[str, Note] = {
        "magistrate.checks": len(answers.items),
        "magistrate.allowed": sum(item.decision.effect is Effect.ALLOW for item in given),
        "magistrate.policy_digest": answers.policy_digest,
        "magistrate.revision": answers.revision,
    }
    if len(answers.items) == 1 and given:
        (answer,) = given
        decision = answer.decision
        notes |= {
            "magistrate.effect": decision.effect.value,
            "magistrate.code": decision.code,
            "magistrate.decision_id": answer.decision_id,
        }
    return notes


def _lacking(known: Known) -> list[Callable[[], Awaitable[None]]]:
    """What would have to be fetched to know better of the credentials that were refused."""
    errors = [item.error for item in known.items if isinstance(item, Refused)]
    return [error.fetch for error in errors if isinstance(error, Unauthenticated) and error.fetch is not None]
