"""Does the replays that workers ask for, in the background process, one at a time."""

import threading
from typing import Final

from policy_lang.bundle import load
from policy_lang.diagnostics import PolicyError
from policy_lang.reviewing.redeciding import FindBundle, redecide
from policy_lang.reviewing.replayed import Replayed
from service.db.engine import Database
from service.decisions.log import DecisionLog
from service.decisions.replay_forms import ReplayWanted, Undone, read_wanted, write_outcome
from service.decisions.replaying import recorded
from service.desk import Asked, Desk
from service.errors import FactsUnavailable, InvalidRequest, MagistrateError
from service.telemetry import get_log

LOOK_SECONDS: Final = 0.25

_log = get_log("replays")


class ReplayErrands:
    """Decides records again by policies that are brought along; `former` finds those that records were made by."""

    def __init__(self, desk: Desk, log: Database, former: FindBundle) -> None:
        self._desk = desk
        self._log = log
        self._former = former

    def run(self, stop: threading.Event) -> None:
        """Does what is asked for until `stop` is set."""
        while not stop.wait(LOOK_SECONDS):
            try:
                asked = self._desk.next()
                if asked is not None:
                    self._do(asked, stop)
            except FactsUnavailable as error:
                _log.warning("replays.failed", cause=str(error))

    def _do(self, asked: Asked, stop: threading.Event) -> None:
        def go_on() -> None:
            if stop.is_set() or not self._desk.is_wanted(asked.id):
                raise _Abandoned

        try:
            outcome: Replayed | Undone = self._replayed(read_wanted(asked.question), self._log.interruptible(go_on))
        except _Abandoned:
            return
        except PolicyError as error:
            outcome = Undone(str(error), "policies")
        except InvalidRequest as error:
            outcome = Undone(str(error), "filter")
        except MagistrateError as error:
            outcome = Undone(f"the log does not answer: {error}", "log")
        self._desk.answer(asked.id, write_outcome(outcome))

    def _replayed(self, wanted: ReplayWanted, log: Database) -> Replayed:
        return redecide(recorded(DecisionLog(log), wanted.wanted, wanted.most), load(wanted.texts), self._former)


class _Abandoned(Exception):
    """Nobody waits for it any more."""
