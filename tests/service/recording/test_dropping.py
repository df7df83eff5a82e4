"""Only allows are ever left out of the record, by configuration alone, counted, and which of them the id says."""

from collections.abc import Sequence
from dataclasses import replace
from zlib import crc32

import pytest
from hypothesis import given
from uuid_utils import uuid7

from policy_lang.decision import Effect
from policy_lang.values import Ref
from service.model import DecisionRecord, Flip, RecordKind
from service.record_settings import DropSettings
from service.recording.dropping import DroppingRecorder
from tests.service.decisions.records import any_record, sample
from tests.service.point import KeptRecords

READS = DropSettings(name="reads", actions=["read"], types=["Document"])
ROUTES = DropSettings(name="routes", types=["Route"])
RULES = (READS, ROUTES)


def allow(action: str = "read", type_: str = "Document") -> DecisionRecord:
    return replace(
        sample(),
        effect=Effect.ALLOW,
        shadow_effect=Effect.ALLOW,
        action=action,
        resource=Ref(type_, "x"),
        code="ALLOWED",
    )


def left(records: Sequence[DecisionRecord], *rules: DropSettings) -> tuple[list[DecisionRecord], list[str]]:
    """The records that are kept, and the rules that are told to have dropped one."""
    kept, dropped = KeptRecords(), list[str]()
    DroppingRecorder(kept, rules, dropped.append).record(records)
    return kept.records, dropped


@pytest.mark.parametrize(
    ("action", "type_", "rule"),
    [
        ("read", "Document", "reads"),
        ("call", "Route", "routes"),
        ("read", "Route", "routes"),
        ("edit", "Document", None),
        ("read", "Folder", None),
    ],
)
def test_a_rule_drops_the_allows_that_it_names(action: str, type_: str, rule: str | None) -> None:
    record = allow(action, type_)
    assert left([record], *RULES) == (([record], []) if rule is None else ([], [rule]))


NEVER = {
    "a deny": replace(allow(), effect=Effect.DENY, shadow_effect=Effect.DENY, code="NO_MATCH"),
    "a deny that shadow rules would allow": replace(allow(), effect=Effect.DENY),
    "what is undetermined": replace(allow(), effect=Effect.DENY, shadow_effect=Effect.DENY, code="UNDETERMINED"),
    "an allow that a shadow rule would deny": replace(allow(), shadow_effect=Effect.DENY),
    "an allow whose obligations were waived": replace(allow(), enforced=False),
    "an allow that a candidate would deny": replace(allow(), flip=Flip("c", Effect.DENY, "DENIED", ())),
    "an allow that a candidate gives for another reason": replace(allow(), flip=Flip("c", Effect.ALLOW, "ALLOWED", ())),
    "an allow by an emergency": replace(allow(), break_glass="grant-7"),
    "a refusal": replace(allow(), kind=RecordKind.REFUSAL, effect=Effect.DENY, code="CHECK_AS"),
    "a refusal that says allow": replace(allow(), kind=RecordKind.REFUSAL),
}


@pytest.mark.parametrize("record", NEVER.values(), ids=NEVER)
def test_nothing_else_is_ever_dropped(record: DecisionRecord) -> None:
    assert left([record], *RULES) == ([record], [])


def test_an_act_on_the_service_is_never_dropped() -> None:
    act = allow("magistrate.entity.write")
    everything = DropSettings.model_construct(name="all", actions=[], types=[], keep=0.0)
    assert left([act], everything) == ([act], [])


@given(any_record)
def test_what_is_not_an_allow_of_the_policies_is_kept_whatever_the_rules(record: DecisionRecord) -> None:
    everything = DropSettings.model_construct(name="all", actions=[], types=[], keep=0.0)
    is_allow = record.kind is RecordKind.DECISION and record.effect is record.shadow_effect is Effect.ALLOW
    kept, _ = left([record], everything)
    is_settled = is_allow and record.enforced and record.flip is None and not record.break_glass
    assert kept == ([] if is_settled and not record.action.startswith("magistrate.") else [record])


def test_the_share_that_is_kept_is_told_by_the_ids_alone() -> None:
    records = [replace(allow(), id=str(uuid7())) for _ in range(4000)]
    kept, dropped = left(records, READS.model_copy(update={"keep": 0.25}))
    assert kept == [record for record in records if crc32(record.id.encode()) < 2**30]
    assert len(kept) + len(dropped) == 4000
    assert 800 < len(kept) < 1200  # of 4,000, 1,000 are expected, give or take seven standard deviations


def test_the_first_rule_for_a_decision_counts() -> None:
    records = [replace(allow(), id=str(uuid7())) for _ in range(200)]
    half = READS.model_copy(update={"keep": 0.5})
    all_of_it = READS.model_copy(update={"name": "documents", "actions": []})
    kept, dropped = left(records, half, all_of_it)
    assert set(dropped) == {"reads"}
    assert kept == [record for record in records if crc32(record.id.encode()) < 2**31]


def test_of_a_batch_the_rest_is_recorded_in_its_order() -> None:
    first, second = allow("edit"), replace(allow(), effect=Effect.DENY)
    assert left([first, allow(), second, allow()], *RULES) == ([first, second], ["reads", "reads"])
