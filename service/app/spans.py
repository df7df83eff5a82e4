"""Makes the spans of one traced call when it has ended: of the call, its stages, the statements that they waited for.

Names and attributes are those of OpenTelemetry's semantic conventions, and `magistrate.*`.
"""

import time
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Final, NamedTuple

from grpc import StatusCode
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, Tracer, set_span_in_context
from opentelemetry.trace import StatusCode as Outcome
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.traces import Note

SPANS: Final = 100
"""Statements of one call that are kept: a batch over mapped sources can have many."""
PACKAGE: Final = "magistrate.v1"

_FAULTS: Final = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
"""Statuses by which a span of a gRPC server is at fault, not its client (semantic conventions for gRPC)."""


class _Timed(NamedTuple):
    name: str
    began: float
    ended: float
    notes: Mapping[str, Note]


def parent_of(parents: Sequence[str | bytes], states: Sequence[str | bytes]) -> Context:
    """The context that `traceparent` and `tracestate` make; an empty one where they are lacking or wrong."""
    carrier = {
        "traceparent": ",".join(each for each in parents if isinstance(each, str)),
        "tracestate": ",".join(each for each in states if isinstance(each, str)),
    }
    return TraceContextTextMapPropagator().extract(carrier, Context())


class SpannedTrace:
    """One call (`traces.Trace`), told as it goes; its spans are made when it ends."""

    def __init__(self, tracer: Tracer, parent: Context, began: float) -> None:
        self._tracer = tracer
        self._parent = parent
        self._began = began
        self._epoch = time.time_ns() - int(perf_counter() * 1e9)
        self._stages: list[_Timed] = []
        self._queries: list[_Timed] = []
        self._notes: dict[str, Note] = {}

    def stage(self, name: str, began: float, ended: float) -> None:
        """A stage has ended."""
        self._began = min(self._began, began)
        self._stages.append(_Timed(f"magistrate.{name}", began, ended, {}))

    def query(self, system: str, statement: str, began: float, ended: float) -> None:
        """A statement was answered; it has parameters in the place of values."""
        if len(self._queries) < SPANS:
            notes = {"db.system.name": system, "db.query.text": statement}
            self._queries.append(_Timed(statement.partition(" ")[0].upper(), began, ended, notes))

    def note(self, notes: Mapping[str, Note]) -> None:
        """What the call came to."""
        self._notes.update(notes)

    def end(self, door: str, call: str, status: str) -> None:
        """The call has ended."""
        name, notes, is_fault = _of_http(call, status) if door == "http" else _of_grpc(call, status)
        whole = _Timed(name, self._began, perf_counter(), {**notes, **self._notes})
        span = self._span(whole, self._parent, SpanKind.SERVER)
        if is_fault:
            span.set_attribute("error.type", status)
            span.set_status(Status(Outcome.ERROR))
        inside = set_span_in_context(span, Context())
        places = [(stage, set_span_in_context(self._ended(stage, inside), Context())) for stage in self._stages]
        for query in self._queries:
            place = next((place for stage, place in places if stage.began <= query.began < stage.ended), inside)
            self._ended(query, place, SpanKind.CLIENT)
        span.end(self._at(whole.ended))

    def _ended(self, timed: _Timed, parent: Context, kind: SpanKind = SpanKind.INTERNAL) -> Span:
        span = self._span(timed, parent, kind)
        span.end(self._at(timed.ended))
        return span

    def _span(self, timed: _Timed, parent: Context, kind: SpanKind) -> Span:
        return self._tracer.start_span(
            timed.name, parent, kind, attributes=dict(timed.notes), start_time=self._at(timed.began)
        )

    def _at(self, reading: float) -> int:
        """Nanoseconds since 1970 UTC."""
        return self._epoch + int(reading * 1e9)


def _of_grpc(call: str, status: str) -> tuple[str, dict[str, Note], bool]:
    service, _, method = call.partition(".")
    notes: dict[str, Note] = {
        "rpc.system": "grpc",
        "rpc.service": f"{PACKAGE}.{service}",
        "rpc.method": method,
        "rpc.grpc.status_code": int(StatusCode[status].value[0]),
    }
    return f"{PACKAGE}.{service}/{method}", notes, status in _FAULTS


def _of_http(route: str, status: str) -> tuple[str, dict[str, Note], bool]:
    notes: dict[str, Note] = {"http.request.method": "POST", "http.route": route}
    if status.isdigit():
        notes["http.response.status_code"] = int(status)
    return f"POST {route}", notes, status.startswith("5")
