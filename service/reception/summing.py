"""Has the failures that a worker counted written down once a minute, and once more when it ends."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from service.errors import FactsUnavailable
from service.reception.failures import Failure, Failures
from service.telemetry import get_log

EVERY_SECONDS: Final = 60.0

_log = get_log("reception")

Write = Callable[[Mapping[Failure, int]], None]
"""Writes sums down; FactsUnavailable if it cannot. It is called in a thread."""


async def sum_failures(failures: Failures, write: Write, *, every: float = EVERY_SECONDS) -> None:
    """Never returns. What cannot be written is counted on, in as many rows as before."""
    try:
        while True:
            await asyncio.sleep(every)
            await _write(failures, write)
    finally:
        await _write(failures, write)


async def _write(failures: Failures, write: Write) -> None:
    counted = failures.taken()
    if not counted:
        return
    try:
        await asyncio.to_thread(write, counted)
    except FactsUnavailable as error:
        _log.warning("calls that were not authenticated are not written down", cause=str(error))
        failures.add(counted)
