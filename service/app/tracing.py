"""Traces calls by OpenTelemetry: says which, and sends their spans by OTLP.

Laws: a stranger has nothing traced, for a trace begins when its call is admitted. A caller's wish to be traced counts
as far as `per_minute` goes; a call of a trace that is not sampled is not. A collector that is down or slow costs calls
nothing: spans wait in a bounded queue, and what finds no place is lost and counted.
"""

import asyncio
import random
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from service.app.spans import SpannedTrace, parent_of
from service.buckets import Bucket
from service.config import Settings
from service.rate import Rate
from service.reception.reception import Arrival
from service.reception.tracing import is_sampled
from service.samples import Samples
from service.traces import TRACE

QUEUE: Final = 2048
"""Spans that wait."""
BATCH: Final = 256
"""Spans that are sent at a time."""
SEND_SECONDS: Final = 1.0
"""How often."""
TIMEOUT_SECONDS: Final = 5.0
"""How long the collector has for one batch, repeated attempts included."""
FLUSH_SECONDS: Final = 3.0
"""How long an end waits until what waits is sent."""


class Tracing:
    """The traces of one worker. It belongs to the loop's thread."""

    def __init__(self, settings: Settings) -> None:
        wanted = settings.tracing
        self._ratio = wanted.ratio
        self._room = Bucket(Rate(wanted.per_minute, max(1, wanted.per_minute // 6)), time.monotonic())
        self._begun = {"ratio": 0, "parent": 0, "held_back": 0}
        ca_file = None if wanted.ca_file is None else str(wanted.ca_file)
        self._exporter = _Counted(
            OTLPSpanExporter(
                f"{wanted.endpoint.rstrip('/')}/v1/traces", certificate_file=ca_file, timeout=TIMEOUT_SECONDS
            )
        )
        said = {
            "service.name": "magistrate",
            "service.instance.id": settings.replica_id,
            "service.version": metadata.version("magistrate"),
        }
        self._provider = TracerProvider(ALWAYS_ON, Resource.create(said), shutdown_on_exit=False)
        self._waiting = _Bounded(self._exporter)
        self._provider.add_span_processor(self._waiting)
        self._tracer = self._provider.get_tracer("magistrate")

    def begin(self, arrival: Arrival, began: float) -> None:
        """Begins the trace of a call that is admitted, if it is to be traced and has none yet."""
        has_parent = bool(arrival.origin.trace_id)
        wants = is_sampled(arrival.traces) if has_parent else random.random() < self._ratio  # noqa: S311
        if not wants or TRACE.get() is not None:
            return
        if not self._room.take(1, time.monotonic()):
            self._begun["held_back"] += 1
            return
        self._begun["parent" if has_parent else "ratio"] += 1
        TRACE.set(SpannedTrace(self._tracer, parent_of(arrival.traces, arrival.states), began))

    def tell(self, samples: Samples) -> None:
        """Says how many calls were traced, and what became of their spans."""
        for why, times in self._begun.items():
            samples.counters["magistrate_traces", (("why", why),)] = times
        for result, times in (*self._exporter.results.items(), ("lost", self._waiting.lost)):
            samples.counters["magistrate_spans", (("result", result),)] = times

    async def close(self) -> None:
        """Sends what waits, as far as that goes in a few seconds."""
        ended, loop = asyncio.Event(), asyncio.get_running_loop()

        def flush() -> None:
            self._provider.shutdown()
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(ended.set)

        # A thread that nothing waits for: a collector that hangs holds up no end.
        threading.Thread(target=flush, name="spans", daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await ended.wait()


class _Counted(SpanExporter):
    """An exporter that counts what another sends."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.results = {"sent": 0, "failed": 0}

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            self.results["sent" if result is SpanExportResult.SUCCESS else "failed"] += len(spans)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _Bounded(BatchSpanProcessor):
    """Has spans wait for the exporter, so many at the most; one that finds no place is counted."""

    def __init__(self, exporter: _Counted) -> None:
        super().__init__(exporter, QUEUE, SEND_SECONDS * 1000, BATCH)
        self._results = exporter.results
        self._taken = 0
        self.lost = 0

    def on_end(self, span: ReadableSpan) -> None:
        if self._taken - sum(self._results.values()) >= QUEUE:
            self.lost += 1
            return
        self._taken += 1
        super().on_end(span)
