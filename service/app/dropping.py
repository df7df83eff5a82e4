"""Builds what leaves decisions out of the record, and says loudly that it does before the first one is left out."""

import time
from collections.abc import Sequence
from dataclasses import replace

from policy_lang.types import Json
from policy_lang.values import Ref
from service.app.acting import record
from service.config import Settings
from service.decisions.reductions import REDUCE
from service.governance.records import BY_OPERATOR
from service.identity import OPERATOR
from service.model import Caller, DecisionRecord, Principal
from service.ports import Recorder
from service.record_settings import DropSettings
from service.recording.dropping import DroppingRecorder
from service.samples import Samples
from service.telemetry import get_log
from service.unasked import unasked_record

RECORDING = Caller(Principal(Ref("magistrate.Service", "record"), evidence=OPERATOR), "")
"""Who says what is in the record: the service itself, as its operator configured it."""

_log = get_log("decisions")


def dropping(recorder: Recorder, settings: Settings, samples: Samples) -> Recorder:
    """The recorder of what is left; the same where nothing is left out."""
    rules = settings.record.drop
    if not rules:
        return recorder
    for rule in rules:  # so that each is shown before it has dropped anything
        samples.count("magistrate_records_dropped", 0, rule=rule.name)
    return DroppingRecorder(recorder, rules, lambda name: samples.count("magistrate_records_dropped", rule=name))


def state_reductions(settings: Settings) -> None:
    """Says in the service's log and in the record which decisions are left out from now on; AuditUnavailable."""
    rules = settings.record.drop
    if rules:
        record(settings, reduction_record(settings.replica_id, rules, time.time_ns() // 1_000_000))
        _log.warning("decisions are left out of the record by configuration", rules=[rule.name for rule in rules])


def reduction_record(replica: str, rules: Sequence[DropSettings], now: int) -> DecisionRecord:
    """The record of the rules that a replica drops by from its start on."""
    act = unasked_record(RECORDING, REDUCE, Ref("replica", replica), time=now, rules=BY_OPERATOR)
    return replace(act, inputs={rule.name: _written(rule) for rule in rules})


def _written(rule: DropSettings) -> Json:
    return {"actions": list(rule.actions), "types": list(rule.types), "keep": rule.keep}
