"""Calls about policies wait for their turn; a caller whose credential ends meanwhile has nothing done."""

import asyncio
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

import grpc
from magistrate.v1 import policy_pb2 as pb
from magistrate.v1.policy_pb2_grpc import PolicyServiceStub

from policy_lang.values import Ref
from service.config import Limits
from service.doors.grpc.policy import AT_ONCE, PolicyServicer
from service.doors.grpc.server import POLICY, GrpcDoor
from service.errors import Unauthenticated
from service.model import Caller, Principal
from service.policies.office import PolicyOffice
from service.policies.review_office import ReviewOffice
from service.policies.verdict import Verdict
from tests.service.doors.receiving import Named, callers
from tests.service.doors.talking import bearer

if TYPE_CHECKING:
    from magistrate.v1.policy_pb2_grpc import PolicyServiceAsyncStub

SECONDS = 5


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


class NoReviews(ReviewOffice):
    """An office that nobody asks."""

    def __init__(self) -> None:
        """Needs nothing."""


class Ending:
    """Names callers by their tokens; those that have ended are nobody's."""

    def __init__(self) -> None:
        self.ended: set[str] = set()
        self.arrived = asyncio.Event()

    def caller(self, token: str) -> Caller:
        """The caller of that name."""
        if token in self.ended:
            raise Unauthenticated("the token is revoked")
        if token == "late":
            self.arrived.set()
        return Caller(Principal(Ref("User", token)), "idp")


async def reached(_: str, __: float) -> None:
    """Is there already."""


def test_who_is_revoked_while_he_waits_for_his_turn_has_nothing_done() -> None:
    async def run() -> tuple[grpc.StatusCode, list[str]]:
        office, ending = SlowOffice(), Ending()
        door = GrpcDoor(
            [(POLICY, PolicyServicer(callers(Named(ending.caller)), office, NoReviews(), reached))], Limits()
        )
        port = await door.open("127.0.0.1:0")
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub: PolicyServiceAsyncStub = PolicyServiceStub(channel)
            asked = [_validate(stub, "early") for _ in range(AT_ONCE)]
            assert await asyncio.to_thread(office.is_full.wait, SECONDS)
            late = _validate(stub, "late")
            await asyncio.wait_for(ending.arrived.wait(), SECONDS)
            ending.ended.add("late")
            office.go_on.set()
            assert await asyncio.gather(*asked) == [grpc.StatusCode.OK] * AT_ONCE
            status = await late
        await door.close(1)
        return status, office.seen

    assert asyncio.run(run()) == (grpc.StatusCode.UNAUTHENTICATED, ["early"] * AT_ONCE)


def _validate(stub: "PolicyServiceAsyncStub", token: str) -> "asyncio.Task[grpc.StatusCode]":
    async def ended() -> grpc.StatusCode:
        try:
            await stub.Validate(
                pb.ValidateRequest(files=[pb.PolicyFile(path="a.policy", text="module a")]),
                metadata=bearer(token),
                timeout=SECONDS,
            )
        except grpc.aio.AioRpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    return asyncio.create_task(ended())
