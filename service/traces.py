"""The trace that a call is part of, where it is sampled: what the call goes through tells it here.

Law: a call that is not sampled has none, and pays for one look at it in each place that would tell it something.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final, Protocol

Note = str | int


class Trace(Protocol):
    """One call that is sampled. Times are readings of `perf_counter`. Threads that read for the call may tell it, too.

    It is told names, counts and texts of statements, never values of attributes, credentials or who is asked about.
    """

    def stage(self, name: str, began: float, ended: float) -> None:
        """A stage has ended."""
        ...

    def query(self, system: str, statement: str, began: float, ended: float) -> None:
        """A statement of that kind of database was answered."""
        ...

    def note(self, notes: Mapping[str, Note]) -> None:
        """What the call came to."""
        ...

    def end(self, door: str, call: str, status: str) -> None:
        """The call has ended."""
        ...


TRACE: Final[ContextVar[Trace | None]] = ContextVar("trace", default=None)
"""The trace of the call that this task answers."""


def leave_trace() -> None:
    """Has what this task does next belong to no trace; a trace that another task has taken over goes on there."""
    if TRACE.get() is not None:
        TRACE.set(None)


def end_trace(door: str, call: str, status: str) -> None:
    """Ends the trace of this task's call, where there is one."""
    trace = TRACE.get()
    if trace is not None:
        TRACE.set(None)
        trace.end(door, call, status)
