"""In log-only mode everything that is asked properly is allowed, and the record and its reader lose nothing by it."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from pydantic import ValidationError

from policy_lang.decision import ALLOWED, Decision, Effect, Obligation
from service.decisions.counting import CountingRecorder
from service.enforcement import LogOnly
from service.enforcement_settings import EnforcementSettings
from service.errors import AuditUnavailable, MagistrateError
from service.model import Answer, CheckRequest, DecisionRecord, RecordKind
from service.samples import Samples
from tests.service.decisions.records import sample
from tests.service.point import KeptRecords, asking, build_point

QUESTIONS: tuple[tuple[str, CheckRequest], ...] = tuple(
    (caller, asking(action, order, as_user=user, attributes=attributes, context={"ip": "10.0.0.1", "mfa": mfa}))
    for caller, action, order, user, mfa in product(
        ("pep", "blind"), ("read", "refund", "close", "raed"), ("o1", "heavy", "theirs", "absent"),
        ("alice", "carol", "nobody"), (True, False),
    )
    for attributes in ({}, {"note": "please"})
)  # fmt: skip
"""Each code of the language and an author's own, hiding, obliging, malformed; asked with and without `read_reasons`."""
REFUSED: tuple[tuple[str, CheckRequest], ...] = (
    ("stranger", replace(asking("read"), context={})),
    ("plain", asking("read", as_user="bob")),
    ("pep", asking("read", for_token="forged")),
)


def _answered(folder: Path, log_only: LogOnly | None) -> tuple[list[Answer | MagistrateError], list[DecisionRecord]]:
    """Every question's answer, and the record of them all without what differs from one time to the next."""
    folder.mkdir()
    kept = KeptRecords()
    point = build_point(folder, kept, log_only=log_only)
    answers = [point.check(caller, request).items[0] for caller, request in (*QUESTIONS, *REFUSED)]
    return answers, [replace(record, id="", revision="", duration_us=0) for record in kept.records]


def test_log_only_changes_no_recorded_decision_and_reveals_what_enforcing_reveals(tmp_path: Path) -> None:
    enforced, true_records = _answered(tmp_path / "enforced", None)
    waived, records = _answered(tmp_path / "log-only", LogOnly(frozenset()))

    assert [replace(record, enforced=True) for record in records] == true_records
    for answer, true_answer in zip(waived, enforced, strict=True):
        if isinstance(true_answer, MagistrateError):
            assert (type(answer), str(answer)) == (type(true_answer), str(true_answer))
            continue
        assert isinstance(answer, Answer)
        assert (answer.decision.effect, answer.decision.obligations) == (Effect.ALLOW, ())
        assert answer.log_only == true_answer.decision
    codes = {record.code for record in records if record.kind is RecordKind.DECISION}
    assert codes >= {"ALLOWED", "DENIED", "STEP_UP", "SUSPENDED", "NO_MATCH", "NO_RESOURCE", "NO_PRINCIPAL"}
    decided = [record for record in records if record.kind is RecordKind.DECISION]
    assert all(record.enforced == (record.effect is Effect.ALLOW) for record in decided)
    assert all(record.enforced for record in records if record.kind is RecordKind.REFUSAL)


def test_a_waived_answer_says_nothing_of_why_but_in_its_mark(tmp_path: Path) -> None:
    point = build_point(tmp_path, KeptRecords(), log_only=LogOnly(frozenset()))
    (answer,) = point.check("pep", asking("refund", "heavy", as_user="alice")).items

    assert isinstance(answer, Answer)
    assert answer.decision == Decision(Effect.ALLOW, ALLOWED)
    assert answer.log_only is not None
    assert (answer.log_only.effect, answer.log_only.code, answer.log_only.hide) == (Effect.DENY, "DENIED", True)


def test_an_allow_is_not_held_to_what_it_obliges_to(tmp_path: Path) -> None:
    obliging = Decision(Effect.ALLOW, ALLOWED, obligations=(Obligation("watermark", ()),))
    record = replace(sample(), effect=Effect.ALLOW)
    answer, unenforced = LogOnly(frozenset()).waive(Answer("r1", record.id, obliging), record)

    assert answer == Answer("r1", record.id, Decision(Effect.ALLOW, ALLOWED), log_only=obliging)
    assert unenforced == replace(record, enforced=False)


def test_types_that_are_not_listed_are_enforced(tmp_path: Path) -> None:
    kept = KeptRecords()
    point = build_point(tmp_path, kept, log_only=LogOnly(frozenset({"Parcel"})))
    (answer,) = point.check("pep", asking("read", "foreign", as_user="bob")).items

    assert isinstance(answer, Answer)
    assert (answer.decision.effect, answer.log_only) == (Effect.DENY, None)
    assert [record.enforced for record in kept.records] == [True]


def test_what_cannot_be_recorded_is_not_allowed_in_log_only_mode_either(tmp_path: Path) -> None:
    point = build_point(tmp_path, KeptRecords(is_refusing=True), log_only=LogOnly(frozenset()))

    with pytest.raises(AuditUnavailable):
        point.check("pep", asking("read", "foreign", as_user="bob"))


def test_what_was_not_enforced_is_counted_by_its_true_effect_and_code(tmp_path: Path) -> None:
    samples = Samples()
    point = build_point(tmp_path, CountingRecorder(KeptRecords(), samples), log_only=LogOnly(frozenset()))
    point.check("pep", asking("read", "foreign", as_user="bob"))
    point.check("pep", asking("read", as_user="alice"))

    counted = {series: value for series, value in samples.counters.items() if series[0] == "magistrate_unenforced"}
    assert counted == {("magistrate_unenforced", (("code", "NO_MATCH"), ("effect", "deny"))): 1}


def test_types_without_log_only_are_refused() -> None:
    with pytest.raises(ValidationError, match="says nothing without it"):
        EnforcementSettings(types=["Document"])
