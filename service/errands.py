"""Does what workers lay down for the background process, one piece after the other, as long as it is wanted."""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final, Protocol

from service.desk import Asked, Desk
from service.errors import FactsUnavailable
from service.faults import FAULT, Faults
from service.telemetry import get_log

LOOK_SECONDS: Final = 0.25
"""Between looks for work, and between looks whether it is still wanted."""

_log = get_log("errands")


class Abandoned(Exception):
    """Nobody waits for the work any more, or the process ends."""


class Work(Protocol):
    """One kind of work."""

    def do(self, question: str, go_on: Callable[[], None], /) -> str:
        """The outcome; calls `go_on` between steps, which raises Abandoned where there shall be no more."""
        ...

    def failed(self, because: str, /) -> str:
        """The outcome of work that could not be done."""
        ...


class Errands:
    """Does the work of one kind that is laid down at a desk."""

    def __init__(self, desk: Desk, work: Work) -> None:
        self._desk = desk
        self._work = work

    def run(self, stop: threading.Event) -> None:
        """Does what is asked for until `stop` is set."""
        while not stop.wait(LOOK_SECONDS):
            try:
                asked = self._desk.next()
                if asked is not None:
                    self._do(asked, stop)
            except FactsUnavailable as error:
                _log.warning("errand.failed", cause=str(error))

    def _do(self, asked: Asked, stop: threading.Event) -> None:
        outcome: str | None = self._work.failed(FAULT)
        with Faults("errand.fault", but=(FactsUnavailable,), id=asked.id):
            try:
                outcome = self._work.do(asked.question, self._while_wanted(asked.id, stop))
            except Abandoned:
                outcome = None
        if outcome is not None:
            self._desk.answer(asked.id, outcome)

    def _while_wanted(self, id_: str, stop: threading.Event) -> Callable[[], None]:
        looked = monotonic()

        def go_on() -> None:
            nonlocal looked
            if stop.is_set():
                raise Abandoned
            if monotonic() - looked >= LOOK_SECONDS:
                if not self._desk.is_wanted(id_):
                    raise Abandoned
                looked = monotonic()

        return go_on
