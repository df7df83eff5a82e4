"""A circuit breaker: what fails again and again is left alone for a while, then tried by one.

Law: while it is open nothing gets through; when its time is over one does, the probe, and only how that ends opens or
closes it. Each time that a probe fails the pause is doubled, and no two breakers' pauses end together.
"""

import random
import threading
import time
from collections.abc import Callable
from typing import Final

from service.errors import FactsUnavailable

LONGEST_SECONDS: Final = 30.0
"""No pause is longer, but for its jitter."""
JITTER: Final = 0.25
"""By how much of itself a pause is longer or shorter, so that replicas do not try all at once."""


class Breaker:
    """One breaker. Its methods may be called in any thread.

    Whoever is let in by `enter` tells how it ended, with the turn that it was given: by `succeeded`, `failed`, or
    `gave_up` where that says nothing. What began in a former turn comes too late to count.
    """

    def __init__(
        self, name: str, failures: int, seconds: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._limit = failures
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._pauses = 0
        self._opens_until = 0.0
        self._is_probed = False
        self._turn = 0
        self._why = ""
        self.opened = 0
        """How often it has opened."""

    @property
    def is_open(self) -> bool:
        """Whether it lets nothing through but a probe."""
        return self._pauses > 0

    @property
    def why(self) -> str:
        """The failure that opened it, empty while it is closed."""
        return self._why if self.is_open else ""

    def enter(self) -> int:
        """The turn in which one more may try; else FactsUnavailable."""
        with self._lock:
            if not self._pauses:
                return self._turn
            if self._is_probed or self._clock() < self._opens_until:
                raise FactsUnavailable(f"{self._name} is left alone after {self._failures} failures: {self._why}")
            self._is_probed = True
            self._turn += 1
            return self._turn

    def succeeded(self, turn: int) -> None:
        """It works."""
        with self._lock:
            if turn == self._turn:
                self._failures = self._pauses = 0
                self._is_probed = False

    def failed(self, turn: int, why: str) -> None:
        """It does not."""
        with self._lock:
            if turn != self._turn:
                return
            self._why = why
            self._failures += 1
            if self._is_probed or self._failures >= self._limit:
                self._is_probed = False
                self._open()

    def gave_up(self, turn: int) -> None:
        """Nobody knows: what was tried came to no end of its own."""
        with self._lock:
            if turn == self._turn:
                self._is_probed = False

    def _open(self) -> None:
        pause = min(self._seconds * 2**self._pauses, LONGEST_SECONDS)
        self._pauses = min(self._pauses + 1, 16)
        self.opened += 1
        self._turn += 1
        self._opens_until = self._clock() + pause * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
