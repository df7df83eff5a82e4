"""How a worker's life goes, and the clock that it goes by."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WorkerLife:
    """How a worker's life goes: `ready` gets the port once it answers, `leave` and `stop` tell it to come to an end."""

    ready: Callable[[int], None]
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)


def wall_clock() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000
