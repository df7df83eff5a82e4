"""Has a candidate bundle decide beside the policies in force, and tells where the two differ.

Laws: the answer is that of the policies in force, whatever the candidate says. A candidate that fails or is slow costs
a call no more than its budget, and a call whose deadline is near nothing; its fault is counted, and when it has done
nothing else for a while it is let go.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import random
from time import monotonic
from typing import Final, Protocol

from policy_lang.decision import Decision, Effect
from policy_lang.facts import Facts, Question
from policy_lang.gather import gather
from policy_lang.schema import Schema
from service.errors import FactsUnavailable, InvalidRequest, MagistrateError, Trouble
from service.model import ActivePolicies, Batch, Flip, Known, Proposed
from service.pdp import DecisionPoint
from service.ports import Snapshot
from service.samples import Samples
from service.shadow_settings import ShadowSettings
from service.telemetry import get_log

INVALID: Final = "INVALID_REQUEST"
"""The code of a question that is none under the candidate: its callers would meet an error."""

HASTE: Final = 2
"""How many budgets a call must have left until its deadline, so that the candidate does not make it late."""
PATIENCE_SECONDS: Final = 5.0
"""How long there must have been nothing but faults: a cold start under load has many in a moment."""

FetchFacts = Callable[[Schema, Callable[[Snapshot], list[Facts]], int], Awaitable[list[Facts]]]
"""Gives facts that are read by a schema, each statement within so many milliseconds."""

_log = get_log("shadow")


class Candidates(Protocol):
    """Holds the candidate."""

    @property
    def candidate(self) -> ActivePolicies | None:
        """The candidate; None where there is none."""
        ...

    def give_up(self, why: str) -> None:
        """Has none any more, for it is of no use."""
        ...


class Shadowing:
    """The candidate's part in the calls of one worker. It belongs to the loop's thread."""

    def __init__(
        self,
        candidates: Candidates,
        pdp: DecisionPoint,
        *,
        fetch: FetchFacts,
        settings: ShadowSettings,
        samples: Samples,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._candidates = candidates
        self._pdp = pdp
        self._fetch = fetch
        self._settings = settings
        self._samples = samples
        self._patience = patience
        self._row = _Row("", 0.0)

    @property
    def is_on(self) -> bool:
        """Whether there is a candidate to ask."""
        return self._candidates.candidate is not None

    async def compare(
        self, batch: Batch, known: Known, decisions: Sequence[Decision], remaining: float | None = None
    ) -> Sequence[Flip | None]:
        """Of each decision what the candidate decides otherwise, in their order; nothing where it was not asked.

        `remaining` are the seconds that the call has left, None for ever.
        """
        candidate = self._candidates.candidate
        if candidate is None or not decisions or random() >= self._settings.ratio:  # noqa: S311  # a sample
            return ()
        budget = self._settings.budget_ms / 1000
        if remaining is not None and remaining < HASTE * budget:
            self._samples.count("magistrate_shadow_faults", reason="hurried")
            return ()
        try:
            async with asyncio.timeout(budget):
                theirs = await self._decide(candidate, batch, known)
        except TimeoutError:
            self._fault(candidate, _SLOW, "it took longer than its budget")
            return ()
        except MagistrateError as error:
            self._fault(candidate, _reason_of(error), str(error))
            return ()
        self._row = _Row("", 0.0)
        flips = [_flip(candidate.digest, ours, other) for ours, other in zip(decisions, theirs, strict=True)]
        self._samples.count("magistrate_shadow_compared", len(flips))
        for ours, flip in zip(decisions, flips, strict=True):
            if flip is not None:
                self._samples.count("magistrate_shadow_flips", direction=flip.direction(ours.effect))
        return flips

    async def _decide(
        self, candidate: ActivePolicies, batch: Batch, known: Known
    ) -> Sequence[Decision | InvalidRequest]:
        outcomes = [_outcome(item) for item in self._pdp.admit_by(candidate, batch, known).items]
        questions = [outcome for outcome in outcomes if isinstance(outcome, Question)]
        compiled = candidate.compiled

        def compute(snapshot: Snapshot) -> list[Facts]:
            return gather(questions, compiled, snapshot)

        facts = await self._fetch(compiled.schema, compute, self._settings.budget_ms)
        decided = iter([compiled.decide(each) for each in facts])
        return [next(decided) if isinstance(outcome, Question) else outcome for outcome in outcomes]

    def _fault(self, candidate: ActivePolicies, reason: str, why: str) -> None:
        self._samples.count("magistrate_shadow_faults", reason=reason)
        if reason == _BUSY or self._candidates.candidate is not candidate:
            return
        now = monotonic()
        if self._row.digest != candidate.digest:
            self._row = _Row(candidate.digest, now)
        self._row.faults += 1
        if self._row.faults >= self._settings.faults and now - self._row.since >= self._patience:
            self._row = _Row("", 0.0)
            self._candidates.give_up(f"it does nothing but fail: {why}")
            _log.error(
                "the candidate is let go: it does nothing but fail", digest=candidate.digest, reason=reason, why=why
            )


@dataclass(slots=True)
class _Row:
    """The faults of a candidate in a row, and when the first of them was."""

    digest: str
    since: float
    faults: int = 0


_SLOW: Final = "slow"
_BUSY: Final = "busy"
"""It costs nothing, and says nothing of the candidate: more was asked at a time than it has connections for."""
_TROUBLES: Final = {Trouble.HURRY: _SLOW, Trouble.BUSY: _BUSY}


def _reason_of(error: MagistrateError) -> str:
    """How metrics tell why the candidate was of no use."""
    return _TROUBLES.get(error.trouble, "failed") if isinstance(error, FactsUnavailable) else "failed"


def _outcome(item: Proposed | MagistrateError) -> Question | InvalidRequest:
    """What the candidate is asked; what would be refused to the bearer of a token is a fault of this comparison."""
    outcome = item.outcome if isinstance(item, Proposed) else item
    if isinstance(outcome, Question | InvalidRequest):
        return outcome
    raise outcome


def _flip(digest: str, ours: Decision, theirs: Decision | InvalidRequest) -> Flip | None:
    if isinstance(theirs, InvalidRequest):
        return Flip(digest, Effect.DENY, INVALID, ())
    if _told(ours) == _told(theirs):
        return None
    return Flip(digest, theirs.effect, theirs.code, tuple(reason.rule_id for reason in theirs.reasons))


def _told(decision: Decision) -> tuple[object, ...]:
    """What an answer tells whoever acts on it."""
    return decision.effect, decision.code, decision.obligations, decision.hide
