"""Replays as background work: decides records again by policies that are brought along."""

from collections.abc import Callable

from policy_lang.diagnostics import PolicyError
from policy_lang.loading import load
from policy_lang.reviewing.redeciding import FindBundle, redecide
from service.db.engine import Database
from service.decisions.log import DecisionLog
from service.decisions.replay_forms import Undone, read_wanted, write_outcome
from service.decisions.replaying import recorded
from service.errors import InvalidRequest, MagistrateError


class Replays:
    """Decides records of a log again (`errands.Work`); `former` finds the policies that they were made by."""

    def __init__(self, log: Database, former: FindBundle) -> None:
        self._log = log
        self._former = former

    def do(self, question: str, go_on: Callable[[], None]) -> str:
        """What became of the records, or why nothing did (replay_forms.py)."""
        wanted = read_wanted(question)
        log = DecisionLog(self._log.interruptible(go_on))
        try:
            by = load(wanted.texts)
            return write_outcome(redecide(recorded(log, wanted.wanted, wanted.most), by, self._former))
        except PolicyError as error:
            return write_outcome(Undone(str(error), "policies"))
        except InvalidRequest as error:
            return write_outcome(Undone(str(error), "filter"))
        except MagistrateError as error:
            return self.failed(f"the log does not answer: {error}")

    def failed(self, why: str) -> str:
        """The outcome of a replay that could not be done."""
        return write_outcome(Undone(why, "log"))
