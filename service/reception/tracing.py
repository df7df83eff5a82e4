"""Reads which trace a call says that it is part of: W3C Trace Context, section 3.2, `traceparent`."""

import re
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Final

HEADER: Final = "traceparent"
STATE: Final = "tracestate"

_PARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?", re.ASCII)
_NO_TRACE: Final = "0" * 32
_NO_PARENT: Final = "0" * 16


TRACE_ID: Final[ContextVar[str]] = ContextVar("trace_id", default="")
"""The trace that this task's call says that it is part of, for the lines of the log about it."""


def is_sampled(values: Sequence[str | bytes]) -> bool:
    """Whether the one header, which is valid, says that its trace is recorded (section 3.2.2.5)."""
    (value,) = values
    return isinstance(value, str) and bool(int(value[53:55], 16) & 1)


def trace_id_of(values: Sequence[str | bytes]) -> str:
    """The trace id, 32 digits in lower case; empty where the header is lacking, stands twice or is not a valid one."""
    if len(values) != 1 or not isinstance(values[0], str):
        return ""
    found = _PARENT.fullmatch(values[0])
    if found is None:
        return ""
    version, trace_id, parent_id, more = found.groups()
    if version == "ff" or (version == "00" and more) or trace_id == _NO_TRACE or parent_id == _NO_PARENT:
        return ""
    return trace_id
