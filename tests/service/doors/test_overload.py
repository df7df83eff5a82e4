"""More calls than a worker can take up: gRPC's core refuses what is too much, so that the rest does not wait long."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
from grpc.aio import ServicerContext
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import authorization_pb2_grpc as pb_grpc

from service.config import Limits
from service.doors.grpc.rim import answering
from service.doors.grpc.server import AUTHORIZATION, GrpcDoor
from tests.service.doors.talking import let_in

PATIENCE = 20.0
WAITING = 5
"""What may wait to be taken up."""
ASKED = 60


@dataclass
class Held:
    """Holds up its worker with the first call until it is told to go on, as calls do that cost too much."""

    entered: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)
    answered: int = 0

    @answering
    async def Check(  # noqa: N802
        self, request: pb.CheckRequest, _: ServicerContext[pb.CheckRequest, pb.CheckResponse]
    ) -> pb.CheckResponse:
        """Answers once it may."""
        self.entered.set()
        self.go.wait(PATIENCE)
        self.answered += 1
        return pb.CheckResponse(request_id=request.request_id)

    BatchCheck = CheckStream = Explain = Check  # which nobody calls


def under_load(held: Held, converse: Callable[[grpc.Channel], None]) -> None:
    """Has the conversation with a door where so much may wait."""

    async def serve() -> None:
        door = GrpcDoor([(AUTHORIZATION, held)], Limits(pending_requests=WAITING), verify=let_in)
        port = await door.open("127.0.0.1:0")
        try:
            await asyncio.to_thread(lambda: _converse(port, converse))
        finally:
            await door.close(1)

    asyncio.run(serve())


def _converse(port: int, converse: Callable[[grpc.Channel], None]) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=(("grpc.enable_retries", 0),)) as channel:
        converse(channel)


def test_what_is_too_much_is_refused_by_the_core_at_once_and_costs_the_worker_nothing() -> None:
    held = Held()

    def converse(channel: grpc.Channel) -> None:
        check = pb_grpc.AuthorizationServiceStub(channel).Check
        first = check.future(pb.CheckRequest(request_id="first"), timeout=PATIENCE)
        assert held.entered.wait(PATIENCE)
        ended = threading.Semaphore(0)
        calls = [check.future(pb.CheckRequest(request_id=f"q{at}"), timeout=PATIENCE) for at in range(ASKED)]
        for call in calls:
            call.add_done_callback(lambda _: ended.release())
        # While the worker is held up all are over but those that may wait, and one that was asked for already.
        for _ in range(ASKED - WAITING - 1):
            assert ended.acquire(timeout=PATIENCE / 2)
        assert {call.code() for call in calls if call.done()} == {grpc.StatusCode.CANCELLED}
        held.go.set()

        codes = [call.code() for call in calls]  # which waits
        served = [code for code in codes if code is grpc.StatusCode.OK]
        assert {*codes} == {grpc.StatusCode.OK, grpc.StatusCode.CANCELLED}
        assert first.result(PATIENCE).request_id == "first"
        assert WAITING <= len(served) <= WAITING + 1
        assert held.answered == 1 + len(served)

    under_load(held, converse)


def test_a_worker_that_catches_up_refuses_nobody_any_more() -> None:
    held = Held()

    def converse(channel: grpc.Channel) -> None:
        check = pb_grpc.AuthorizationServiceStub(channel).Check
        calls = [check.future(pb.CheckRequest(), timeout=PATIENCE) for _ in range(ASKED)]
        assert held.entered.wait(PATIENCE)
        held.go.set()
        for call in calls:
            call.exception(PATIENCE)
        assert [check(pb.CheckRequest(request_id=f"q{at}"), timeout=PATIENCE).request_id for at in range(3)] == [
            "q0", "q1", "q2",
        ]  # fmt: skip

    under_load(held, converse)
