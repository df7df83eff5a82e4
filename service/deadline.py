"""The end of the call that is worked for: what is read for its caller ends with it; what is not begun is dropped.

It holds for work that is done for that one caller: what others may wait for, too, goes on.
"""

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, TypeVar

from service.errors import FactsUnavailable, Trouble

Result = TypeVar("Result")

_CALL: Final[ContextVar[float | None]] = ContextVar("call", default=None)
"""When the call ends that this task answers, a monotonic reading in seconds."""
_WORK: Final[ContextVar[float | None]] = ContextVar("work", default=None)
"""When the work ends that is done here."""
_GONE: Final[ContextVar[threading.Event | None]] = ContextVar("gone", default=None)
"""Set once nobody waits any more for the work that is done here."""


def end_in(seconds: float | None) -> None:
    """Says that the call of this task has so long from now on; None for ever."""
    _CALL.set(None if seconds is None else time.monotonic() + seconds)


def ending_with_call(work: Callable[[], Result]) -> Result:
    """Does the work, which has until the end of the call of this task, in a context of its own."""
    _WORK.set(_CALL.get())
    return work()


def left_ms() -> int | None:
    """The milliseconds that there are for the work that is done here, None for any; FactsUnavailable for none."""
    ends = _WORK.get()
    if ends is None:
        return None
    left = int((ends - time.monotonic()) * 1000)
    if left <= 0:
        raise FactsUnavailable("the call came to its end before the database was asked", Trouble.HURRY)
    return left


def until_gone(gone: threading.Event, work: Callable[[], Result]) -> Result:
    """Does the work of a caller who may go before it is done: then the event is set, and `is_gone` here."""
    before = _GONE.set(gone)
    try:
        return work()
    finally:
        _GONE.reset(before)


def is_gone() -> bool:
    """Whether nobody waits any more for the work that is done here."""
    gone = _GONE.get()
    return gone is not None and gone.is_set()
