"""Has records decided again for who may read them, by the background process."""

from collections.abc import Callable
from typing import Final

from policy_lang.reviewing.replayed import Replayed
from policy_lang.types import Json
from policy_lang.values import Ref
from service.decisions.log_filter import check_filter, filter_fields
from service.decisions.office import ALL, RECORD, Texts
from service.decisions.replay_forms import ReplayWanted, read_outcome, write_wanted
from service.desk import Desk
from service.errors import InvalidRequest, LimitExceeded, LogUnavailable, NotFound, Violation
from service.model import Caller
from service.permits import BUNDLE, Act, Action
from service.ports import Gate

MOST: Final = 100_000
"""Records of one replay."""


class ReplayOffice:
    """The act of replaying. `find` gives the texts of policies by their digest, of those in force by an empty one."""

    def __init__(self, *, gate: Gate, desk: Desk, find: Callable[[str], Texts | None]) -> None:
        self._gate = gate
        self._desk = desk
        self._find = find

    def replay(self, caller: Caller, wanted: ReplayWanted, digest: str, within: float) -> Replayed:
        """What became of the records by policies that come along, or by those of the digest where none do.

        InvalidRequest for policies that may not be used, NotFound, LogUnavailable, DeadlineExceeded.
        """
        check_filter(wanted.wanted)
        if not 1 <= wanted.most <= MOST:
            raise LimitExceeded("replayed_records", MOST, wanted.most)
        self._enter(caller, wanted, digest)
        texts = wanted.texts or self._find(digest)
        if texts is None:
            raise NotFound(f"no policies `{digest}` were pushed" if digest else "no policies are in force")
        asked = ReplayWanted(texts, wanted.wanted, wanted.most)
        outcome = read_outcome(self._desk.outcome(write_wanted(asked), within))
        if isinstance(outcome, Replayed):
            return outcome
        match outcome.of:
            case "policies":
                raise InvalidRequest([Violation("files" if wanted.texts else "digest", outcome.why)])
            case "filter":
                raise InvalidRequest([Violation("filter", outcome.why)])
            case "log":
                raise LogUnavailable(outcome.why)

    def _enter(self, caller: Caller, wanted: ReplayWanted, digest: str) -> None:
        details: dict[str, Json] = {"read": "replay", "limit": wanted.most, "filter": filter_fields(wanted.wanted)}
        acts = [Act(Action.LOG_READ, Ref(RECORD, ALL), wanted.wanted.tenant, details=details | {"digest": digest})]
        if wanted.texts:
            acts.append(Act(Action.POLICY_VALIDATE, Ref(BUNDLE, ALL)))
        self._gate.admit(caller).require(acts)
