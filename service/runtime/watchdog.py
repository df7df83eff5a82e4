"""Ends a process that hangs, so that another takes its place; before that, it says in the log where it stands.

Laws: only who has spoken is judged, for a start may have to wait; and a supervisor that was held up itself judges
nobody before it has heard what was said meanwhile.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final, Protocol

from service.runtime.child import Child, Program
from service.telemetry import get_log

TURN_SECONDS: Final = 1.0

_log = get_log("supervisor")


class Kept(Protocol):
    """A program that is kept running, as `Keeper` keeps it."""

    @property
    def program(self) -> Program:
        """What it runs."""
        ...

    @property
    def present(self) -> Child | None:
        """Its process, None where there is none to be judged."""
        ...


class Watchdog:
    """Watches over the processes that the keepers have."""

    def __init__(self, keepers: Sequence[Kept], silence: float, clock: Callable[[], float] = monotonic) -> None:
        """Who says nothing for `silence` seconds hangs: others speak every second. `clock` is in seconds."""
        self._keepers = keepers
        self._silence = silence
        self._clock = clock
        self._spoke_at: dict[Child, float] = {}
        self._asked: set[Child] = set()
        self.hung = Counter({keeper.program.name: 0 for keeper in keepers})
        """How many of each program's processes have hung."""

    def spoke(self, child: Child) -> None:
        """A process that runs says something."""
        self._spoke_at[child] = self._clock()
        self._asked.discard(child)

    def left(self, child: Child) -> None:
        """A process has ended."""
        self._spoke_at.pop(child, None)
        self._asked.discard(child)

    async def run(self) -> None:
        """Looks after them until it is cancelled."""
        while True:
            due = self._clock() + TURN_SECONDS
            await asyncio.sleep(TURN_SECONDS)
            if self._clock() < due + TURN_SECONDS:
                self.look()

    def look(self) -> None:
        """Asks who hangs where it stands, and ends who was asked at the look before."""
        now = self._clock()
        for keeper in self._keepers:
            child = keeper.present
            if child is None or now - self._spoke_at.get(child, now) < self._silence:
                continue
            if child in self._asked:
                child.end()
                continue
            _log.error("child hangs", program=keeper.program.name, pid=child.pid, silent_seconds=self._silence)
            self._asked.add(child)
            self.hung[keeper.program.name] += 1
            child.ask_where()
