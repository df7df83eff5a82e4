"""Candidate policies decide beside those in force: what they decide otherwise is told, and no answer differs."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import pytest

from policy_lang.decision import Effect
from policy_lang.facts import Facts
from policy_lang.schema import Schema
from service.db.opening import open_database
from service.entities.store import EntityStore
from service.errors import FactsUnavailable, Trouble
from service.model import ActivePolicies, Answer, CheckRequest, DecisionRecord, Flip
from service.pdp import DecisionPoint
from service.policies.folder import activate
from service.ports import Snapshot
from service.samples import Samples
from service.shadow_settings import ShadowSettings
from service.shadowing import FetchFacts, Shadowing
from tests.service.point import POLICY, KeptRecords, asking, build_point

CANDIDATE = (
    POLICY.replace("rule own:      allow read, refund on", "rule own:      allow read, close on")
    .replace("code STEP_UP", "code SECOND_FACTOR")
    .replace("type Order in Order { tenant: Tenant,", "type Order in Order { tenant: Tenant, region: string?,")
    .replace("refund, close, audit }", "refund, close }")
    .replace("rule audit:", "rule closing:").replace("allow audit on Order to anyone", "allow close on Order to anyone")
    .replace("deny audit on Order when has resource.weight", "deny close on Order when has resource.weight")
)  # fmt: skip
"""Rules, a code and an attribute are others, and one action is gone."""
QUESTIONS: tuple[CheckRequest, ...] = tuple(
    asking(action, order, as_user=user, context={"ip": "10.0.0.1", "mfa": mfa})
    for action, order, user, mfa in product(
        ("read", "refund", "close", "audit"), ("o1", "heavy", "theirs", "absent"), ("alice", "carol"), (True, False)
    )
)


@dataclass
class Held:
    """Holds the candidate (`shadowing.Candidates`)."""

    candidate: ActivePolicies | None
    why: str = ""

    def give_up(self, why: str) -> None:
        """Has none any more."""
        self.candidate, self.why = None, why


def candidate() -> ActivePolicies:
    return activate({"shop.policy": CANDIDATE})


def fetching(folder: Path) -> FetchFacts:
    """Reads the facts of the point in that folder."""
    store = EntityStore(open_database(f"sqlite:///{folder / 'facts.db'}"))

    async def fetch(schema: Schema, compute: Callable[[Snapshot], list[Facts]], _: int) -> list[Facts]:
        with store.snapshot(schema) as snapshot:
            return compute(snapshot)

    return fetch


async def stuck(_: Schema, __: Callable[[Snapshot], list[Facts]], ___: int) -> list[Facts]:
    await asyncio.Event().wait()
    return []


async def broken(_: Schema, __: Callable[[Snapshot], list[Facts]], ___: int) -> list[Facts]:
    raise FactsUnavailable("told to fail")


def shadowing(point: DecisionPoint, held: Held, fetch: FetchFacts, **settings: float) -> tuple[Shadowing, Samples]:
    samples = Samples()
    patience = settings.pop("patience", 0.0)
    given = ShadowSettings.model_validate({"budget_ms": 1000, **settings})
    return Shadowing(held, point, fetch=fetch, settings=given, samples=samples, patience=patience), samples


async def busy(_: Schema, __: Callable[[Snapshot], list[Facts]], ___: int) -> list[Facts]:
    raise FactsUnavailable("every connection is busy", Trouble.BUSY)


def answered(
    point: DecisionPoint, kept: KeptRecords, beside: Shadowing | None = None, *, remaining: float | None = None
) -> tuple[list[Answer], list[DecisionRecord]]:
    """The answers to all questions as one batch, and their records, without what differs from one time to the next."""

    async def ask() -> Sequence[object]:
        batch = point.admit(point.verify("pep"), QUESTIONS)
        known = point.fetch(batch)
        decisions = point.decide(batch, known)
        flips = () if beside is None else await beside.compare(batch, known, decisions, remaining)
        return point.record(batch, known, decisions, flips).items

    items = asyncio.run(ask())
    answers = [replace(item, decision_id="") for item in items if isinstance(item, Answer)]
    return answers, [replace(record, id="", duration_us=0) for record in kept.records]


def told_of(record: DecisionRecord) -> tuple[object, ...]:
    """What its answer tells whoever acts on it."""
    return record.effect, record.code, record.obligations, record.hide


def test_a_candidate_changes_no_answer_and_flips_are_what_it_would_decide_alone(tmp_path: Path) -> None:
    kept, alone = KeptRecords(), KeptRecords()
    point = build_point(tmp_path, kept)
    expected, records = answered(point, kept)
    kept.records.clear()
    beside, samples = shadowing(point, Held(candidate()), fetching(tmp_path))
    given, shadowed = answered(point, kept, beside)
    (tmp_path / "alone").mkdir()
    theirs = build_point(tmp_path / "alone", alone, policy=CANDIDATE)
    for request in QUESTIONS:
        theirs.check("pep", request)

    assert given == expected
    assert [replace(record, flip=None) for record in shadowed] == records
    digest = candidate().digest
    for record in shadowed:
        if record.action == "audit":
            assert record.flip == Flip(digest, Effect.DENY, "INVALID_REQUEST", ())
    told = [record for record in shadowed if record.action != "audit"]
    differing = [
        (ours, other) for ours, other in zip(told, alone.records, strict=True)
        if told_of(ours) != told_of(other)
    ]  # fmt: skip
    assert [ours for ours in told if ours.flip is not None] == [ours for ours, _ in differing]
    for ours, other in differing:
        assert ours.flip == Flip(digest, other.effect, other.code, other.rules)
    flips = [labels for name, labels in samples.counters if name == "magistrate_shadow_flips"]
    directions = {direction for ((_, direction),) in flips}
    assert directions == {"now_allowed", "now_denied", "answer"}
    assert samples.counters["magistrate_shadow_compared", ()] == len(QUESTIONS)


@pytest.mark.parametrize(
    ("fetch", "reason", "why"),
    [(stuck, "slow", "it took longer than its budget"), (broken, "failed", "told to fail")],
)
def test_a_candidate_that_is_slow_or_fails_costs_its_budget_and_is_let_go(
    tmp_path: Path, fetch: FetchFacts, reason: str, why: str
) -> None:
    kept, held = KeptRecords(), Held(candidate())
    point = build_point(tmp_path, kept)
    expected, records = answered(point, kept)
    beside, samples = shadowing(point, held, fetch, budget_ms=1, faults=2)
    for left in (True, False):
        kept.records.clear()
        assert answered(point, kept, beside) == (expected, records)
        assert (held.candidate is not None) is left
    assert held.why == f"it does nothing but fail: {why}"
    assert samples.counters == {("magistrate_shadow_faults", (("reason", reason),)): 2}


@pytest.mark.parametrize(
    ("fetch", "settings", "reason"),
    [
        pytest.param(broken, {"faults": 2, "patience": 60.0}, "failed", id="in no time"),
        pytest.param(busy, {"faults": 1}, "busy", id="for lack of a connection"),
    ],
)
def test_faults_that_say_nothing_of_the_candidate_keep_it(
    tmp_path: Path, fetch: FetchFacts, settings: dict[str, float], reason: str
) -> None:
    kept, held = KeptRecords(), Held(candidate())
    point = build_point(tmp_path, kept)
    beside, samples = shadowing(point, held, fetch, **settings)
    for _each in range(3):
        answered(point, kept, beside)
    assert held.candidate is not None
    assert samples.counters == {("magistrate_shadow_faults", (("reason", reason),)): 3}


def test_another_candidate_is_not_blamed_for_the_faults_of_the_former(tmp_path: Path) -> None:
    kept, held = KeptRecords(), Held(candidate())
    point = build_point(tmp_path, kept)
    beside, _ = shadowing(point, held, broken, faults=2)
    answered(point, kept, beside)
    held.candidate = activate({"shop.policy": CANDIDATE, "more.policy": "module more\n"})
    answered(point, kept, beside)
    assert held.candidate is not None


@pytest.mark.parametrize(("remaining", "compared"), [(1.99, 0), (2.0, len(QUESTIONS)), (None, len(QUESTIONS))])
def test_a_call_whose_deadline_is_near_does_not_wait_for_a_candidate(
    tmp_path: Path, remaining: float | None, compared: int
) -> None:
    kept = KeptRecords()
    point = build_point(tmp_path, kept)
    beside, samples = shadowing(point, Held(candidate()), fetching(tmp_path), budget_ms=1000)
    answered(point, kept, beside, remaining=remaining)
    assert samples.counters.get(("magistrate_shadow_compared", ()), 0) == compared
    hurried = samples.counters.get(("magistrate_shadow_faults", (("reason", "hurried"),)), 0)
    assert hurried == (0 if compared else 1)


def test_a_success_between_faults_keeps_the_candidate(tmp_path: Path) -> None:
    kept, held = KeptRecords(), Held(candidate())
    point = build_point(tmp_path, kept)
    outcomes = iter([broken, fetching(tmp_path), broken])

    async def fetch(schema: Schema, compute: Callable[[Snapshot], list[Facts]], budget: int) -> list[Facts]:
        return await next(outcomes)(schema, compute, budget)

    beside, _ = shadowing(point, held, fetch, faults=2)
    for _each in range(3):
        answered(point, kept, beside)
    assert held.candidate is not None


def test_a_sample_is_of_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([0.1, 0.9, 0.24, 0.25])
    monkeypatch.setattr("service.shadowing.random", lambda: next(drawn))
    kept = KeptRecords()
    point = build_point(tmp_path, kept)
    beside, samples = shadowing(point, Held(candidate()), fetching(tmp_path), ratio=0.25)
    for _each in range(4):
        answered(point, kept, beside)
    assert samples.counters["magistrate_shadow_compared", ()] == 2 * len(QUESTIONS)
