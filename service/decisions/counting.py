"""Counts the records that are kept, for the metrics, on their way to where they are kept."""

from collections.abc import Sequence
from time import perf_counter

from service.model import DecisionRecord, RecordKind
from service.ports import Recorder
from service.samples import Samples


class CountingRecorder:
    """A recorder that counts what another has kept: by effect and code, and how long each took until then."""

    def __init__(self, recorder: Recorder, samples: Samples) -> None:
        self._recorder = recorder
        self._samples = samples

    def record(self, records: Sequence[DecisionRecord]) -> None:
        """As the other; what is not kept is not counted."""
        began = perf_counter()
        self._recorder.record(records)
        keeping = perf_counter() - began
        for record in records:
            if record.kind is RecordKind.DECISION:
                self._samples.count("magistrate_decisions", code=record.code, effect=record.effect.value)
                self._samples.observe("magistrate_check_seconds", record.duration_us / 1_000_000 + keeping)
            else:
                self._samples.count("magistrate_refusals", code=record.code)
