"""Passes on the trace that the caller is part of, where it uses OpenTelemetry (W3C Trace Context)."""

import sys
from collections.abc import Callable
from functools import cache

from magistrate_client.credentials import Metadata

Inject = Callable[[dict[str, str]], None]


def traced(metadata: Metadata) -> Metadata:
    """The metadata, and the headers of the span that is current; the same where there is none."""
    # Whoever has a current span has loaded this; who has not pays nothing for it.
    if "opentelemetry.trace" not in sys.modules:
        return metadata
    headers: dict[str, str] = {}
    _propagator()(headers)
    return (*metadata, *headers.items()) if headers else metadata


@cache
def _propagator() -> Inject:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().inject
