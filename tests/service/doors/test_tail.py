"""Tail: records as they are shipped, for who may read them, at the pace of who reads, until the service ends."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import pytest
from magistrate.v1 import decision_log_pb2 as pb
from magistrate.v1.decision_log_pb2_grpc import DecisionLogServiceStub
from magistrate.v1.types_pb2 import EntityRef

from policy_lang.values import Ref
from service.db.engine import Database
from service.db.migration import migrate
from service.decisions import tailing
from service.decisions.log_filter import LogFilter
from service.decisions.office import LogOffice
from service.decisions.tailing import Followed, Positions
from service.doors.grpc import decision_log
from service.log_reading_settings import LogReadingSettings
from tests.service.decisions.chains import NORTH, SOUTH, keep
from tests.service.decisions.records import samples
from tests.service.doors.auditing import Audit, build_audit
from tests.service.doors.talking import NARROW, bearer

if TYPE_CHECKING:
    from magistrate.v1.decision_log_pb2_grpc import DecisionLogServiceAsyncStub

SECONDS = 20
ALL = pb.LogFilter()
ON_T1 = pb.LogFilter(tenant=EntityRef(type="Tenant", id="t1"))
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what does not depend on the database."""
Tail = grpc.aio.UnaryStreamCall[pb.TailRequest, pb.TailResponse]


@pytest.fixture
def audit(database: Database, tmp_path: Path) -> Audit:
    migrate(database, "log")
    return build_audit(database, tmp_path)


@dataclass(frozen=True, slots=True)
class Door:
    """An open door, and who calls it."""

    stub: "DecisionLogServiceAsyncStub"
    narrow: "DecisionLogServiceAsyncStub"
    """By a connection that takes no more than 64 KiB that nobody has read."""

    def tail(self, wanted: pb.LogFilter = ALL, *, last: int = 0, name: str = "auditor") -> Tail:
        """A tail of that user."""
        request = pb.TailRequest(filter=wanted, last=last)
        return self.stub.Tail(request, metadata=bearer(name), timeout=SECONDS)


@asynccontextmanager
async def opened(audit: Audit) -> AsyncIterator[Door]:
    door = audit.door()
    port = await door.open("127.0.0.1:0")
    address = f"127.0.0.1:{port}"
    async with grpc.aio.insecure_channel(address) as channel, grpc.aio.insecure_channel(address, NARROW) as narrow:
        yield Door(DecisionLogServiceStub(channel), DecisionLogServiceStub(narrow))
    await door.close(0)


async def told(tail: Tail, count: int) -> list[str]:
    """The ids of the next so many records."""
    found: list[str] = []
    while len(found) < count and isinstance(answer := await tail.read(), pb.TailResponse):
        found += [record.decision_id for record in answer.records]
    return found


async def begun(tail: Tail) -> list[str]:
    """The ids of the records that a tail begins with, once it has begun."""
    first = await tail.read()
    assert isinstance(first, pb.TailResponse)
    return [record.decision_id for record in first.records]


def test_a_tail_tells_the_last_and_then_what_is_shipped(audit: Audit, tmp_path: Path) -> None:
    before, after = samples(3), samples(2)

    async def run() -> tuple[list[str], list[str]]:
        keep(audit.log, tmp_path, NORTH, before)
        async with opened(audit) as door:
            tail = door.tail(last=2)
            first = await begun(tail)
            await asyncio.to_thread(keep, audit.log, tmp_path, SOUTH, after)
            return first, await told(tail, 2)

    assert asyncio.run(run()) == ([record.id for record in before[1:]], [record.id for record in after])


@on_sqlite
def test_long_records_come_in_messages_that_clients_take(audit: Audit, tmp_path: Path) -> None:
    before, after = ([replace(each, inputs={"context.note": "x" * 900_000}) for each in samples(6)] for _ in range(2))

    async def run() -> list[str]:
        keep(audit.log, tmp_path, NORTH, before)
        async with opened(audit) as door:
            tail = door.tail(last=6)
            first = await told(tail, 6)
            await asyncio.to_thread(keep, audit.log, tmp_path, SOUTH, after)
            return first + await told(tail, 6)

    assert asyncio.run(run()) == [record.id for record in before + after]


@on_sqlite
def test_a_tenants_tail_tells_that_tenants_records_alone(audit: Audit, tmp_path: Path) -> None:
    ours, theirs, nobodys = samples(3)

    async def run() -> list[str]:
        async with opened(audit) as door:
            tail = door.tail(ON_T1, name="local")
            await begun(tail)
            mixed = [replace(theirs, tenant=Ref("Tenant", "t2")), replace(nobodys, tenant=None), ours]
            await asyncio.to_thread(keep, audit.log, tmp_path, NORTH, mixed)
            return await told(tail, 1)

    assert asyncio.run(run()) == [ours.id]


@on_sqlite
def test_a_tail_ends_in_order_when_the_service_does(audit: Audit) -> None:
    async def run() -> grpc.StatusCode:
        async with opened(audit) as door:
            tail = door.tail()
            await begun(tail)
            audit.ended.set()
            assert await told(tail, 1) == []
            return await tail.code()

    assert asyncio.run(run()) is grpc.StatusCode.OK


@on_sqlite
def test_a_tail_ends_when_its_caller_may_not_read_any_more(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_log, "CHECK_SECONDS", 0.0)

    async def run() -> grpc.StatusCode:
        async with opened(audit) as door:
            tail = door.tail()
            await begun(tail)
            await asyncio.to_thread(audit.grants.take, Ref("User", "auditor"), "auditor", None)
            with pytest.raises(grpc.aio.AioRpcError):
                await told(tail, 1)
            return await tail.code()

    assert asyncio.run(run()) is grpc.StatusCode.PERMISSION_DENIED
    assert [record.code for record in audit.records.records] == ["ALLOWED", "LOG_READ"]


@on_sqlite
def test_a_worker_follows_so_many_tails_and_names_the_limit(audit: Audit) -> None:
    limited = replace(audit, settings=LogReadingSettings(tails=1))

    async def run() -> str:
        async with opened(limited) as door:
            first = door.tail()
            await begun(first)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await begun(door.tail())
            assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            first.cancel()
            while True:
                try:
                    assert await begun(door.tail()) == []
                except grpc.aio.AioRpcError as error:
                    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
                else:
                    return refused.value.details() or ""

    assert "over the limit `log_reading.tails`" in asyncio.run(run())


@on_sqlite
def test_who_reads_slowly_is_waited_for(audit: Audit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tailing, "WINDOW", 5)
    records = [replace(each, inputs={"context.note": "x" * 20_000}) for each in samples(200)]
    steps: Counter[str | None] = Counter()
    follow = LogOffice.follow

    def counted(office: LogOffice, wanted: LogFilter, positions: Positions, within: float) -> Followed:
        steps[wanted.code] += 1
        return follow(office, wanted, positions, within)

    monkeypatch.setattr(LogOffice, "follow", counted)

    async def run() -> tuple[int, list[str]]:
        async with opened(audit) as door:
            slow, quick = replace(door, stub=door.narrow).tail(), door.tail(pb.LogFilter(code="STEP_UP"))
            await begun(slow)
            await begun(quick)
            await asyncio.to_thread(keep, audit.log, tmp_path, NORTH, records)
            assert len(await told(quick, 200)) == 200
            before = steps[None]
            return before, await told(slow, 200)

    taken, found = asyncio.run(run())
    assert taken < steps["STEP_UP"] // 2
    assert found == [record.id for record in records]
