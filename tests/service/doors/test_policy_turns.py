"""Calls about policies wait for their turn; a caller who is gone, or whose credential ends, has nothing more done."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from magistrate.v1 import policy_pb2 as pb
from magistrate.v1.policy_pb2_grpc import PolicyServiceStub

from service.config import Limits
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.desk import Desk
from service.doors.grpc.policy import AT_ONCE, WAITING, PolicyServicer
from service.doors.grpc.server import POLICY, GrpcDoor
from service.model import Caller
from service.policies.office import PolicyOffice
from service.policies.review_forms import REVIEWS
from service.policies.review_office import ReviewOffice, SuiteNamed
from service.policies.verdict import Verdict
from tests.e2e.running import wait_for
from tests.service.doors.ending import Ending
from tests.service.doors.receiving import Named, callers
from tests.service.doors.talking import bearer

if TYPE_CHECKING:
    from magistrate.v1.policy_pb2_grpc import PolicyServiceAsyncStub

SECONDS = 20


class SlowOffice(PolicyOffice):
    """An office that lets nobody go before it is told to."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.is_full, self.go_on = threading.Event(), threading.Event()

    def validate(self, caller: Caller, texts: Mapping[str, str], within: float) -> Verdict:
        """Finds nothing, in its own time."""
        self.seen.append(caller.principal.ref.id)
        if len(self.seen) == AT_ONCE:
            self.is_full.set()
        assert self.go_on.wait(within)
        return Verdict("", ())


class UndoneReviews(ReviewOffice):
    """An office that lays work down where nobody does it, or that nobody asks."""

    def __init__(self, desk: Desk | None = None) -> None:
        self._left_at = desk

    def test(self, caller: Caller, named: SuiteNamed, within: float) -> bytes:
        """What never comes."""
        assert self._left_at is not None
        return self._left_at.outcome(named.of.words, within).encode()


async def reached(_: str, __: float) -> None:
    """Is there already."""


@asynccontextmanager
async def opened(office: SlowOffice, reviews: ReviewOffice, ending: Ending) -> AsyncIterator["PolicyServiceAsyncStub"]:
    """A door with PolicyService alone, and who asks there."""
    received = callers(Named(ending.caller))
    servicer = PolicyServicer(received, office, reviews, reached)
    door = GrpcDoor([(POLICY, servicer)], Limits(), verify=received.verified)
    port = await door.open("127.0.0.1:0")
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub: PolicyServiceAsyncStub = PolicyServiceStub(channel)
            yield stub
    finally:
        await door.close(1)


def test_who_is_revoked_while_he_waits_for_his_turn_has_nothing_done() -> None:
    async def run() -> tuple[grpc.StatusCode, list[str]]:
        office, ending = SlowOffice(), Ending()
        async with opened(office, UndoneReviews(), ending) as stub:
            asked = [_validate(stub, "early") for _ in range(AT_ONCE)]
            assert await asyncio.to_thread(office.is_full.wait, SECONDS)
            late = _validate(stub, "late")
            await asyncio.wait_for(ending.is_waiting.wait(), SECONDS)
            ending.ended.add("late")
            office.go_on.set()
            assert await asyncio.gather(*asked) == [grpc.StatusCode.OK] * AT_ONCE
            return await late, office.seen

    assert asyncio.run(run()) == (grpc.StatusCode.UNAUTHENTICATED, ["early"] * AT_ONCE)


def test_a_place_is_free_when_its_work_has_ended_and_not_when_its_caller_has_gone() -> None:
    async def run() -> tuple[list[str | None], int]:
        office, told = SlowOffice(), list[str | None]()
        async with opened(office, UndoneReviews(), Ending()) as stub:
            gone = [_validate(stub, "gone") for _ in range(AT_ONCE)]
            assert await asyncio.to_thread(office.is_full.wait, SECONDS)
            for each in gone:
                each.cancel()
            await asyncio.wait(gone)
            asked = [_validate(stub, "late", told) for _ in range(WAITING + 1)]
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED, timeout=SECONDS / 2)
            seen = len(office.seen)
            office.go_on.set()
            assert sorted(map(str, await asyncio.gather(*asked))) == (
                ["StatusCode.OK"] * WAITING + ["StatusCode.RESOURCE_EXHAUSTED"]
            )
            return told, seen

    assert asyncio.run(run()) == (["over the limit `policy_calls`: 20 are under way already"], AT_ONCE)


def test_what_a_caller_who_is_gone_had_laid_down_is_taken_away(tmp_path: Path) -> None:
    facts = open_database(f"sqlite:///{tmp_path / 'facts.db'}")
    ensure_current(facts, "facts")
    desk = Desk(facts, "r1", REVIEWS)

    async def run() -> None:
        async with opened(SlowOffice(), UndoneReviews(desk), Ending()) as stub:
            asked = stub.Test(pb.TestRequest(), metadata=bearer("author"))
            await asyncio.to_thread(wait_for, lambda: desk.next() is not None)
            asked.cancel()
            await asyncio.to_thread(wait_for, lambda: desk.next() is None)

    asyncio.run(run())
    facts.close()


def _validate(
    stub: "PolicyServiceAsyncStub", token: str, told: list[str | None] | None = None
) -> "asyncio.Task[grpc.StatusCode]":
    """How the call ends; `told` gets the text of an error."""

    async def ended() -> grpc.StatusCode:
        try:
            await stub.Validate(
                pb.ValidateRequest(files=[pb.PolicyFile(path="a.policy", text="module a")]),
                metadata=bearer(token),
                timeout=SECONDS,
            )
        except grpc.aio.AioRpcError as error:
            if told is not None:
                told.append(error.details())
            return error.code()
        return grpc.StatusCode.OK

    return asyncio.create_task(ended())
