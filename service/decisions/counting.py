"""Counts records for the metrics, on their way to where they are kept."""

import threading
from collections.abc import Sequence
from functools import partial
from time import perf_counter

from service.model import DecisionRecord, Keeping, RecordKind
from service.ports import Recorder
from service.samples import Samples


class CountingRecorder:
    """A recorder that counts what another keeps: by effect and code, and how long each took until then."""

    def __init__(self, recorder: Recorder, samples: Samples) -> None:
        self._recorder = recorder
        self._samples = samples
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
        with self._turn:
            for record in records:
                if record.kind is RecordKind.DECISION:
                    self._samples.count("magistrate_decisions", code=record.code, effect=record.effect.value)
                    self._samples.observe("magistrate_check_seconds", record.duration_us / 1_000_000 + kept_in)
                else:
                    self._samples.count("magistrate_refusals", code=record.code)
