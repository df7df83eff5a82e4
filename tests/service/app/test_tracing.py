"""Who is traced: by the ratio or by a parent's wish, never more than there is room for, and never at a call's cost."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, perf_counter

import pytest

from service.app.tracing import FLUSH_SECONDS, QUEUE, Tracing
from service.config import Settings
from service.identity import Origin
from service.reception.reception import Arrival
from service.samples import Samples
from service.traces import TRACE, end_trace
from service.tracing_settings import TracingSettings
from tests.e2e.collector import Collector, collecting

NOBODY = "http://127.0.0.1:1"
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
UNTRACED = Arrival("AuthorizationService.Check", lambda: "", [])


def part_of(flags: str) -> Arrival:
    header = f"00-{TRACE_ID}-00f067aa0ba902b7-{flags}"
    return Arrival("AuthorizationService.Check", lambda: "", [], origin=Origin("", TRACE_ID), traces=[header])


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as somebody:
        yield somebody


@contextmanager
def tracing(endpoint: str, ratio: float, per_minute: int = 600) -> Iterator[Tracing]:
    traces = Tracing(Settings(tracing=TracingSettings(endpoint=endpoint, ratio=ratio, per_minute=per_minute)))
    try:
        yield traces
    finally:
        asyncio.run(traces.close())
        # What still tries to send would say so in the log of tests that come later.
        traces._exporter.shutdown()
        for thread in threading.enumerate():
            if thread.name in {"spans", "OtelBatchSpanRecordProcessor"}:
                thread.join(30)


def is_traced(traces: Tracing, arrival: Arrival) -> bool:
    """Whether such a call is, once it has ended."""
    traces.begin(arrival, perf_counter())
    was = TRACE.get() is not None
    end_trace("grpc", "AuthorizationService.Check", "OK")
    return was


@pytest.mark.parametrize(
    ("ratio", "arrival", "expected"),
    [
        (0.0, UNTRACED, False),
        (1.0, UNTRACED, True),
        (0.0, part_of("01"), True),
        (0.0, part_of("03"), True),
        (1.0, part_of("00"), False),
    ],
    ids=["ratio 0", "ratio 1", "sampled by its parent", "with another flag too", "not sampled by its parent"],
)
def test_a_call_is_traced_as_its_parent_is_and_else_by_the_ratio(
    collector: Collector, ratio: float, arrival: Arrival, expected: bool
) -> None:
    with tracing(collector.url, ratio) as traces:
        assert is_traced(traces, arrival) is expected


def test_callers_that_want_everything_traced_get_no_more_than_there_is_room_for(collector: Collector) -> None:
    with tracing(collector.url, 0.0, per_minute=60) as traces:
        began = monotonic()
        traced = sum(is_traced(traces, part_of("01")) for _ in range(100))
        room = 10 + (monotonic() - began) + 1  # one a second comes in meanwhile
        samples = Samples()
        traces.tell(samples)
    assert 10 <= traced <= room
    assert samples.counters["magistrate_traces", (("why", "parent"),)] == traced
    assert samples.counters["magistrate_traces", (("why", "held_back"),)] == 100 - traced


def test_a_collector_that_is_not_there_costs_its_spans_alone() -> None:
    with tracing(NOBODY, 1.0) as traces:
        assert is_traced(traces, UNTRACED)
        began = monotonic()
    assert monotonic() - began < FLUSH_SECONDS + 1


def test_spans_that_find_no_place_to_wait_are_counted() -> None:
    calls = QUEUE + 500
    with tracing(NOBODY, 1.0, per_minute=100_000) as traces:
        assert all(is_traced(traces, UNTRACED) for _ in range(calls))
        samples = Samples()
        traces.tell(samples)
    ended = {result: samples.counters["magistrate_spans", (("result", result),)] for result in ("failed", "lost")}
    assert ended["lost"] > 0
    assert calls - QUEUE <= sum(ended.values()) <= calls
