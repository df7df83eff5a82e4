"""Does the replays that workers ask for, in the background process, one at a time."""

import threading
from collections.abc import Iterator
from typing import Final

from policy_lang.bundle import load
from policy_lang.diagnostics import PolicyError
from policy_lang.reviewing.recorded import Recorded
from policy_lang.reviewing.redeciding import FindBundle, redecide
from policy_lang.reviewing.replayed import Replayed
from service.decisions.log import DecisionLog
from service.decisions.payload import BadPayload
from service.decisions.replay_forms import ReplayWanted, Undone, read_wanted, write_outcome
from service.decisions.replaying import PAGE, recorded
from service.desk import Asked, Desk
from service.errors import FactsUnavailable, MagistrateError
from service.telemetry import get_log

LOOK_SECONDS: Final = 0.25

_log = get_log("replays")


class ReplayErrands:
    """Decides records again by policies that are brought along; `former` finds those that records were made by."""

    def __init__(self, desk: Desk, log: DecisionLog, former: FindBundle) -> None:
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
        try:
            outcome: Replayed | Undone = self._replayed(read_wanted(asked.question), asked.id, stop)
        except _Abandoned:
            return
        except PolicyError as error:
            outcome = Undone(str(error), is_policies=True)
        except MagistrateError as error:
            outcome = Undone(f"the log does not answer: {error}", is_policies=False)
        except BadPayload as error:
            outcome = Undone(f"the log holds what is no record: {error}", is_policies=False)
        self._desk.answer(asked.id, write_outcome(outcome))

    def _replayed(self, wanted: ReplayWanted, id_: str, stop: threading.Event) -> Replayed:
        by = load(wanted.texts)
        records = recorded(self._log, wanted.wanted, wanted.most)
        return redecide(self._while_wanted(records, id_, stop), by, self._former)

    def _while_wanted(
        self, records: Iterator[Recorded | str], id_: str, stop: threading.Event
    ) -> Iterator[Recorded | str]:
        """The records, as long as somebody waits for what becomes of them."""
        for count, record in enumerate(records):
            if count % PAGE == 0 and (stop.is_set() or not self._desk.is_wanted(id_)):
                raise _Abandoned
            yield record


class _Abandoned(Exception):
    """Nobody waits for it any more."""
