"""Where a command reads the log: its database, on the host, or the service, for who holds `log.read` there."""

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

import click
from magistrate.v1 import decision_log_pb2 as pb
from magistrate.v1.decision_log_pb2_grpc import DecisionLogServiceStub

from policy_lang.notation import format_timestamp
from service.cli.calling import Connection, asks_service, call, followed
from service.cli.log_messages import read_record, read_stats, write_filter
from service.cli.log_opening import opened_log
from service.config import Settings
from service.decisions.log import DecisionLog
from service.decisions.log_filter import LogFilter
from service.decisions.stats import ActiveRules, LogStats, Wanted, count
from service.decisions.tailing import LogTail
from service.errors import ScanLimitReached
from service.model import DecisionRecord

LOOK_SECONDS: Final = 0.2
"""Between looks for what was shipped."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page: the records, where the next begins, and a word about a limit that ended it, if one did."""

    records: tuple[DecisionRecord, ...]
    next_after: str | None
    limit: str | None = None


class LogSource(Protocol):
    """Reads the log."""

    def query(self, wanted: LogFilter, limit: int, after: str | None) -> Found:
        """A page, the newest first; ScanLimitReached where it has looked far and found none."""
        ...

    def show(self, id_: str) -> tuple[DecisionRecord | None, Mapping[str, str]]:
        """The record, and the texts of its policies as far as they come with it."""
        ...

    def tail(self, wanted: LogFilter, last: int) -> Iterator[tuple[DecisionRecord, ...]]:
        """The last records that fit, the oldest first, then what is shipped, without an end."""
        ...

    def stats(self, wanted: Wanted, active: ActiveRules | None) -> LogStats:
        """The counts; `active` are the rules in force as the host knows them."""
        ...


@contextmanager
def opened_source(settings: Settings, connection: Connection, *, wait: bool = False) -> Iterator[LogSource]:
    """The service where one of its options is given, else the database."""
    if asks_service():
        if wait:
            raise click.UsageError("--wait is for the host, whose spool it reads: leave it, or the service's options")
        yield ServiceLog(connection)
        return
    with opened_log(settings, wait=wait) as log:
        yield HostLog(log)


class HostLog:
    """The database (`LogSource`)."""

    def __init__(self, log: DecisionLog) -> None:
        self._log = log

    def query(self, wanted: LogFilter, limit: int, after: str | None) -> Found:
        """A page, the newest first."""
        page = self._log.query(wanted, limit, None if after is None else _read_after(after))
        if page.scan is None:
            return Found(page.records, page.next_after)
        reached = format_timestamp(page.scan.reached)
        if not page.records:
            raise ScanLimitReached(_SCAN, allowed=page.scan.limit, reached=reached, go_on=page.next_after or "")
        return Found(page.records, page.next_after, _limit_note(_SCAN, page.scan.limit, reached))

    def show(self, id_: str) -> tuple[DecisionRecord | None, Mapping[str, str]]:
        """The record; the host finds policies by itself."""
        return self._log.show(id_), {}

    def tail(self, wanted: LogFilter, last: int) -> Iterator[tuple[DecisionRecord, ...]]:
        """The last records that fit, then what is shipped."""
        tail = LogTail(self._log)
        at = tail.begin(wanted, last)
        yield at.records
        while True:
            at = tail.step(wanted, at.positions)
            yield at.records
            if not at.has_more:
                time.sleep(LOOK_SECONDS)

    def stats(self, wanted: Wanted, active: ActiveRules | None) -> LogStats:
        """The counts."""
        return count(self._log.database, wanted, active)


class ServiceLog:
    """The service (`LogSource`); what it refuses ends the command."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def query(self, wanted: LogFilter, limit: int, after: str | None) -> Found:
        """A page, the newest first; of several calls where it is longer than one may be."""
        request = pb.QueryRequest(filter=write_filter(wanted), page_token=after or "")
        records: list[DecisionRecord] = []
        while True:
            request.page_size = min(PAGE, limit - len(records))
            page = call(self._connection, lambda channel: DecisionLogServiceStub(channel).Query, request)
            records += map(read_record, page.records)
            request.page_token = page.next_page_token
            if page.HasField("scan"):
                reached = format_timestamp(page.scan.reached.ToMilliseconds())
                note = _limit_note(page.scan.limit, page.scan.value, reached)
                return Found(tuple(records), page.next_page_token, note)
            if not page.next_page_token or len(records) >= limit:
                return Found(tuple(records), page.next_page_token or None)

    def show(self, id_: str) -> tuple[DecisionRecord | None, Mapping[str, str]]:
        """The record, with its policies if the caller may read the log everywhere."""
        request = pb.GetRecordRequest(decision_id=id_, with_policies=True)
        answer = call(self._connection, lambda channel: DecisionLogServiceStub(channel).Get, request)
        return read_record(answer.record), {file.path: file.text for file in answer.policies}

    def tail(self, wanted: LogFilter, last: int) -> Generator[tuple[DecisionRecord, ...], None, None]:
        """The last records that fit, then what is shipped, on through restarts of the service."""
        request = pb.TailRequest(filter=write_filter(wanted), last=last)
        for answer in followed(self._connection, lambda channel: DecisionLogServiceStub(channel).Tail, request):
            request.resume_token = answer.resume_token
            yield tuple(map(read_record, answer.records))

    def stats(self, wanted: Wanted, active: ActiveRules | None) -> LogStats:  # noqa: ARG002  # the service knows its own
        """The counts."""
        request = pb.StatsRequest(filter=write_filter(wanted.filter), top=wanted.top, stretches=wanted.buckets)
        return read_stats(call(self._connection, lambda channel: DecisionLogServiceStub(channel).Stats, request))


def _read_after(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as error:
        raise click.UsageError(f"--after `{text}` is no decision id") from error


def _limit_note(limit: str, value: int, reached: str) -> str:
    return f"the limit `{limit}` of {value} records ended the page: it has looked back to {reached}"


_SCAN: Final = "log_reading.scan_records"
PAGE: Final = 1000
"""The largest page of the service."""
