"""Watches for steps of the wall clock, and has what was remembered by it forgotten (runtime.md)."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from service.ports import Clock
from service.telemetry import get_log

EVERY_SECONDS: Final = 1.0
STEP_MS: Final = 1000
"""By how much the clocks part that is no step: clocks that are kept right by and by take both along."""

_log = get_log("authn")


async def watch_clock(
    clock: Clock,
    forget: Callable[[], None],
    *,
    monotonic: Callable[[], float] = time.monotonic,
    every: float = EVERY_SECONDS,
) -> None:
    """Calls `forget` after each step of the clock, also of one that went on while the machine slept; never returns."""
    apart = clock() - monotonic() * 1000
    while True:
        await asyncio.sleep(every)
        step = clock() - monotonic() * 1000 - apart
        if abs(step) < STEP_MS:
            continue
        apart += step
        _log.warning("clock.stepped", milliseconds=round(step))
        forget()
