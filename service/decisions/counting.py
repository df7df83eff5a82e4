"""Counts records for the metrics, on their way to where they are kept."""

import threading
from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import Final

from policy_lang.decision import RESERVED_CODES, Effect
from service.metrics import OTHERS
from service.model import DecisionRecord, Keeping, RecordKind
from service.ports import Recorder
from service.samples import Samples, Series
from service.telemetry import get_log

CODES: Final = 100
"""Codes of policies that one process tells apart: authors make as many as they like, and each is a series."""

_BROKEN: Final[Series] = ("magistrate_break_glass_uses", ())
_log = get_log("break-glass")


class CountingRecorder:
    """A recorder that counts what another keeps: by effect and code, and how long each took until then."""

    def __init__(self, recorder: Recorder, samples: Samples) -> None:
        self._recorder = recorder
        self._counters = samples.counters
        self._durations = samples.histogram("magistrate_check_seconds")
        self._series: dict[tuple[Effect | None, str], Series] = {}
        self._codes: set[str] = set()
        self._broken: set[str] = set()
        self._turn = threading.Lock()

    def record(self, records: Sequence[DecisionRecord]) -> Keeping | None:
        """As the other; what may not be answered is not counted."""
        began = perf_counter()
        keeping = self._recorder.record(records)
        if keeping is None:
            self._count(records, began)
        else:
            keeping.then(partial(self._count, records, began))
        return keeping

    def _count(self, records: Sequence[DecisionRecord], began: float) -> None:
        kept_in = perf_counter() - began
        counters, known = self._counters, self._series
        with self._turn:
            for record in records:
                is_decision = record.kind is RecordKind.DECISION
                key = (record.effect if is_decision else None, record.code)
                series = known.get(key) or self._new_series(*key)
                counters[series] = counters.get(series, 0) + 1
                if not record.enforced:
                    unenforced = self._unenforced_series(record)
                    counters[unenforced] = counters.get(unenforced, 0) + 1
                if record.break_glass:
                    self._count_broken(record)
                if is_decision:
                    self._durations.observe(record.duration_us / 1_000_000 + kept_in)

    def _count_broken(self, record: DecisionRecord) -> None:
        """Each grant is named at its first use here, and counted from then on."""
        self._counters[_BROKEN] = self._counters.get(_BROKEN, 0) + 1
        if record.break_glass not in self._broken:
            self._broken.add(record.break_glass)
            _log.warning(
                "allowed by an emergency grant alone; its further uses in this process are counted",
                break_glass=record.break_glass,
                decision=record.id,
                principal=str(record.principal),
                action=record.action,
                resource=str(record.resource),
            )

    def _new_series(self, effect: Effect | None, code: str) -> Series:
        """Where such records are counted: a decision has its effect, a refusal has none."""
        told = self._told(code)
        if effect is None:
            series: Series = ("magistrate_refusals", (("code", told),))
        else:
            series = ("magistrate_decisions", (("code", told), ("effect", effect.value)))
        if told == code:
            self._series[effect, code] = series
        return series

    def _unenforced_series(self, record: DecisionRecord) -> Series:
        return ("magistrate_unenforced", (("code", self._told(record.code)), ("effect", record.effect.value)))

    def _told(self, code: str) -> str:
        if code in RESERVED_CODES or code in self._codes:
            return code
        if len(self._codes) == CODES:
            return OTHERS
        self._codes.add(code)
        return code
