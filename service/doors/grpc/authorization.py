"""AuthorizationService: reads the message, asks the decision point, writes the answer."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from grpc.aio import ServicerContext
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import authorization_pb2_grpc as pb_grpc

from service.authn.bearer import bearer
from service.config import Limits
from service.doors.grpc.codec import read_batch, read_check, read_consistency, write_batch, write_check
from service.doors.grpc.explanation import write_explanation
from service.doors.grpc.rim import answering
from service.errors import DeadlineExceeded
from service.model import Answer, Answers, Batch, Caller, Consistency, Known, Latency
from service.pdp import DecisionPoint

Fetch = Callable[[Batch, Consistency, int | None], Awaitable[Known]]
"""Gives what `DecisionPoint.know` makes of facts so fresh; the int is what the deadline leaves, in milliseconds."""
Reach = Callable[[Consistency, int | None], Awaitable[Consistency]]
"""Waits until the worker is so fresh; what to ask of `Fetch` for the same."""

Request = TypeVar("Request")
Response = TypeVar("Response")


class AuthorizationServicer(pb_grpc.AuthorizationServiceServicer):
    """The RPCs, each: read, admit, fetch, decide, record, write."""

    def __init__(self, pdp: DecisionPoint, fetch: Fetch, reach: Reach, limits: Limits) -> None:
        self._pdp = pdp
        self._fetch = fetch
        self._reach = reach
        self._limits = limits

    @answering
    async def Check(  # noqa: N802
        self, request: pb.CheckRequest, context: ServicerContext[pb.CheckRequest, pb.CheckResponse]
    ) -> pb.CheckResponse:
        """Decides one question."""
        caller, consistency = await self._arrived(request.consistency, context)
        batch = self._pdp.admit(caller, (read_check(request, self._limits),))
        answers = await self._decided(batch, consistency, context)
        return write_check(_only(answers), answers)

    @answering
    async def BatchCheck(  # noqa: N802
        self, request: pb.BatchCheckRequest, context: ServicerContext[pb.BatchCheckRequest, pb.BatchCheckResponse]
    ) -> pb.BatchCheckResponse:
        """Decides several questions; each that is wrong fails alone."""
        caller, consistency = await self._arrived(request.consistency, context)
        batch = self._pdp.admit(caller, read_batch(request, self._limits))
        return write_batch(request.request_id, await self._decided(batch, consistency, context))

    @answering
    async def Explain(  # noqa: N802
        self, request: pb.ExplainRequest, context: ServicerContext[pb.ExplainRequest, pb.ExplainResponse]
    ) -> pb.ExplainResponse:
        """Decides one question and shows how."""
        caller, consistency = await self._arrived(request.check.consistency, context)
        batch = self._pdp.admit_explanation(caller, read_check(request.check, self._limits))
        known = await self._fetch(batch, consistency, _remaining_ms(context))
        answers = self._pdp.record(batch, known, self._pdp.decide(batch, known))
        check = write_check(_only(answers), answers)  # which raises what the question was refused for
        (traces,) = self._pdp.explain(batch, known)
        return write_explanation(check, traces)

    async def _arrived(
        self, asked: pb.Consistency, context: ServicerContext[Request, Response]
    ) -> tuple[Caller, Consistency]:
        """The caller, when the worker is as fresh as it asks, and what that comes to for the facts.

        Nothing is admitted before: credentials and policies change by the same revisions as facts. Who shows no good
        credential has no wait.
        """
        caller, consistency = self._caller(context), read_consistency(asked)
        if consistency is Latency.MINIMAL:
            return caller, consistency
        reached = await self._reach(consistency, _remaining_ms(context))
        return self._caller(context), reached

    def _caller(self, context: ServicerContext[Request, Response]) -> Caller:
        metadata = context.invocation_metadata() or ()
        return self._pdp.verify(bearer([value for key, value in metadata if key == "authorization"]))

    async def _decided(
        self, batch: Batch, consistency: Consistency, context: ServicerContext[Request, Response]
    ) -> Answers:
        known = await self._fetch(batch, consistency, _remaining_ms(context))
        return self._pdp.record(batch, known, self._pdp.decide(batch, known))


def _only(answers: Answers) -> Answer:
    (item,) = answers.items
    if isinstance(item, Answer):
        return item
    raise item


def _remaining_ms(context: ServicerContext[Request, Response]) -> int | None:
    remaining = context.time_remaining()
    if remaining is not None and remaining <= 0:
        raise DeadlineExceeded("the deadline passed before the facts were read")
    return None if remaining is None else max(1, int(remaining * 1000))
