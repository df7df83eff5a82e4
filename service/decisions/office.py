"""Does what auditors ask of the log: each read allowed and recorded by the gate before it is done.

Law (identity.md, Tenants): who may read a tenant's records names the tenant and finds these alone; what has no tenant
is for who may read everywhere. Everything here waits for databases, so threads other than the loop's run it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Final
from uuid import UUID

from policy_lang.types import Json
from policy_lang.values import Ref
from service.decisions.log import DecisionLog, Page
from service.decisions.log_filter import LogFilter, check_filter, filter_fields
from service.decisions.stats import ActiveRules, LogStats, Wanted, check_wanted, count
from service.decisions.tailing import Followed, LogTail, Positions, check_last
from service.errors import (
    DeadlineExceeded,
    FactsUnavailable,
    InvalidRequest,
    LogUnavailable,
    MagistrateError,
    NoPolicies,
    NotFound,
    Trouble,
    Violation,
)
from service.model import Caller, DecisionRecord
from service.permits import Act, Action
from service.ports import Gate, Policies, Visitor

RECORD: Final = "magistrate.Record"
"""The type of records in the record; the id is the decision's."""
ALL: Final = "*"
"""The id of all records."""

Texts = Mapping[str, str]
"""The texts of policies, by their paths."""


@dataclass(frozen=True, slots=True)
class PageWanted:
    """A page that somebody asks for: how many records, and after which id."""

    limit: int
    after: str | None


class LogOffice:
    """The acts of DecisionLogService. `within` is in seconds.

    PermissionDenied before any fault but those of a filter's form; LogUnavailable where the log does not answer,
    DeadlineExceeded where the time was too short for it.
    """

    def __init__(
        self, *, gate: Gate, log: DecisionLog, policies: Policies, former: Callable[[str], Texts | None]
    ) -> None:
        self._gate = gate
        self._log = log
        self._tail = LogTail(log)
        self._policies = policies
        self._former = former

    def query(self, caller: Caller, wanted: LogFilter, page: PageWanted, within: float) -> Page:
        """A page of what fits."""
        self._enter(caller, check_filter(wanted), {"read": "query", "limit": page.limit, "after": page.after})
        with _log_read(within) as timeout_ms:
            return self._log.query(wanted, page.limit, page.after, timeout_ms=timeout_ms)

    def get(self, caller: Caller, id_: str, within: float) -> DecisionRecord:
        """One record; NotFound for those who would see it if it were there."""
        return self._get(self._gate.admit(caller), id_, within)

    def get_with_policies(self, caller: Caller, id_: str, within: float) -> tuple[DecisionRecord, Texts]:
        """The same with the texts that it was decided by; none for who may not read everywhere, or if not at hand."""
        visitor = self._gate.admit(caller)
        record = self._get(visitor, id_, within)
        may_see = visitor.may(Action.LOG_READ, None)
        return record, (self.texts(record.policy_digest) or {}) if may_see and record.policy_digest else {}

    def begin_tail(self, caller: Caller, wanted: LogFilter, last: int, within: float) -> Followed:
        """The last records that fit, and where to follow on."""
        check_last(last)
        self._enter(caller, check_filter(wanted), {"read": "tail", "last": last})
        with _log_read(within) as timeout_ms:
            return self._tail.begin(wanted, last, timeout_ms=timeout_ms)

    def resume_tail(self, caller: Caller, wanted: LogFilter, positions: Positions) -> Followed:
        """Nothing yet; from these positions it goes on."""
        self._enter(caller, check_filter(wanted), {"read": "tail", "resumed": True})
        return Followed((), positions, has_more=True)

    def follow(self, wanted: LogFilter, positions: Positions, within: float) -> Followed:
        """What was shipped since, for a tail that was begun."""
        with _log_read(within) as timeout_ms:
            return self._tail.step(wanted, positions, timeout_ms=timeout_ms)

    def check_tail(self, caller: Caller, wanted: LogFilter) -> None:
        """Returns where the caller may still follow; else PermissionDenied, recorded."""
        visitor = self._gate.admit(caller)
        if not visitor.may(Action.LOG_READ, wanted.tenant):
            visitor.require([_act(ALL, wanted.tenant, {"read": "tail"})])

    def stats(self, caller: Caller, wanted: Wanted, within: float) -> LogStats:
        """The counts; of rules that never fired only for who may read everywhere: they are not a tenant's."""
        check_wanted(wanted)
        visitor = self._enter(caller, wanted.filter, {"read": "stats"})
        active = self._active_rules() if visitor.may(Action.LOG_READ, None) else None
        with _log_read(within) as timeout_ms:
            return count(self._log.database, wanted, active, timeout_ms=timeout_ms)

    def texts(self, digest: str) -> Texts | None:
        """The texts of policies by their digest, of those in force by none; None where they are not at hand."""
        try:
            active = self._policies.active().bundle
        except NoPolicies:
            return self._former(digest)
        if digest in ("", active.digest):
            return {file.path: file.text for file in active.files}
        return self._former(digest)

    def _enter(self, caller: Caller, wanted: LogFilter, details: dict[str, Json]) -> Visitor:
        details["filter"] = filter_fields(wanted)
        visitor = self._gate.admit(caller)
        visitor.require([_act(ALL, wanted.tenant, details)])
        return visitor

    def _get(self, visitor: Visitor, id_: str, within: float) -> DecisionRecord:
        try:
            known = str(UUID(id_))
        except ValueError as error:
            raise InvalidRequest([Violation("decision_id", "the id of a decision, a UUID")]) from error
        details: dict[str, Json] = {"read": "record"}
        visitor.require_somewhere(_act(known, None, details))
        with _log_read(within) as timeout_ms:
            record = self._log.show(known, timeout_ms=timeout_ms)
        # Whether there is such a record is for those to know who may see it.
        visitor.require([_act(known, None if record is None else record.tenant, details)])
        if record is None:
            raise NotFound(f"there is no decision `{known}` in the log")
        return record

    def _active_rules(self) -> ActiveRules | None:
        try:
            bundle = self._policies.active().bundle
        except NoPolicies:
            return None
        return ActiveRules.of(bundle)


def _act(id_: str, tenant: Ref | None, details: Mapping[str, Json]) -> Act:
    return Act(Action.LOG_READ, Ref(RECORD, id_), tenant, details=details)


@contextmanager
def _log_read(within: float) -> Iterator[int]:
    """A read of the log, which gets the milliseconds that it may take."""
    ends = monotonic() + within
    try:
        yield max(1, int(within * 1000))
    except FactsUnavailable as error:
        if error.trouble is Trouble.DATA:
            raise MagistrateError(str(error)) from error  # no unavailability: asking again would not help
        if monotonic() >= ends:
            raise DeadlineExceeded("the log was not read in time") from error
        raise LogUnavailable(str(error)) from error
