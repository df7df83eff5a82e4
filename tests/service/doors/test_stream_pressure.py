"""Who asks on a stream and takes no answers is held up by HTTP/2 itself, and holds up nobody else."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace

import grpc
from grpc.aio import ServicerContext
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import authorization_pb2_grpc as pb_grpc
from magistrate.v1 import types_pb2

from service.config import Limits
from service.doors.grpc.authorization import AuthorizationServicer
from tests.service.doors.talking import NARROW, Talk, bearer
from tests.service.point import KeptRecords

PATIENCE = 20.0
AT_ONCE = 8
STILL = 20
"""So many calls of somebody else after which a stream that has not moved stands still."""
ASKED = 1_200
"""More than there are answers in the 64 KiB that a connection takes while nobody reads."""


@dataclass
class Counting:
    """Stands before the service, and counts what is decided on a stream and not taken by gRPC yet."""

    records: KeptRecords
    served: AuthorizationServicer | None = None
    others: int = 0
    taken: int = 0
    most: int = 0
    """What was decided and not taken, at the most."""

    def before(self, servicer: AuthorizationServicer) -> "Counting":
        """Stands before that one."""
        self.served = servicer
        return self

    @property
    def decided(self) -> int:
        """The questions of the stream that are decided: each has its record."""
        return len(self.records.records) - self.others

    async def Check(  # noqa: N802
        self, request: pb.CheckRequest, context: ServicerContext[pb.CheckRequest, pb.CheckResponse]
    ) -> pb.CheckResponse:
        """Answers somebody else."""
        assert self.served is not None
        answer = await self.served.Check(request, context)
        self.others += 1
        return answer

    async def CheckStream(  # noqa: N802
        self,
        requests: AsyncIterator[pb.CheckRequest],
        context: ServicerContext[pb.CheckRequest | None, pb.CheckStreamResponse],
    ) -> AsyncGenerator[pb.CheckStreamResponse, None]:
        """Counts, and passes on."""
        assert self.served is not None
        async for answer in self.served.CheckStream(requests, context):
            self.most = max(self.most, self.decided - self.taken)
            yield answer
            self.taken += 1

    BatchCheck = Explain = Check  # which nobody calls


def question(number: int) -> pb.CheckRequest:
    return pb.CheckRequest(request_id=f"q{number}", action="read", resource=types_pb2.Entity(type="Order", id="o1"))


def test_a_stream_whose_answers_nobody_takes_stands_still_and_nothing_else_does(
    talk: Talk, recorder: KeptRecords
) -> None:
    counting = Counting(recorder)

    def converse(channel: grpc.Channel) -> tuple[int, list[str]]:
        stub, still, decided = pb_grpc.AuthorizationServiceStub(channel), 0, 0
        answers = stub.CheckStream(map(question, range(ASKED)), metadata=bearer("plain"), timeout=PATIENCE)
        while still < STILL:
            before = decided
            assert stub.Check(question(0), metadata=bearer("plain"), timeout=PATIENCE).request_id == "q0"
            decided = counting.decided
            still = still + 1 if decided == before > 0 else 0
        return decided, [answer.request_id for answer in answers]

    limits = Limits(stream_checks=AT_ONCE)
    pressed = replace(talk, has_facts_at_hand=True, limits=limits, through=counting.before, options=NARROW)

    decided, told = pressed(converse)

    assert decided < ASKED / 2
    assert 1 < counting.most <= AT_ONCE
    assert sorted(told) == sorted(f"q{number}" for number in range(ASKED))
