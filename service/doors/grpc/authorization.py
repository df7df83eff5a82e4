"""AuthorizationService: reads the message, asks the decision point, writes the answer."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from google.rpc.status_pb2 import Status
from grpc.aio import ServicerContext
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import authorization_pb2_grpc as pb_grpc

from service.config import Limits
from service.doors.grpc.caller import Callers
from service.doors.grpc.codec import read_batch, read_check, read_consistency, write_batch, write_check
from service.doors.grpc.explanation import write_explanation
from service.doors.grpc.rim import answering, answering_stream, message_of, told
from service.doors.grpc.side_by_side import answers_of
from service.doors.grpc.status import status_of
from service.errors import DeadlineExceeded, MagistrateError, Unauthenticated
from service.model import Answer, Answers, Batch, Caller, CheckRequest, Consistency, Known, Latency, Refused
from service.pdp import DecisionPoint
from service.reception.reception import FETCHES

Fetch = Callable[[Batch, Consistency, int | None], Awaitable[Known]]
"""Gives what `DecisionPoint.know` makes of facts so fresh; the int is what the deadline leaves, in milliseconds."""
Reach = Callable[[Consistency, int | None], Awaitable[Consistency]]
"""Waits until the worker is so fresh; what to ask of `Fetch` for the same."""

Ended = Callable[[], Awaitable[object]]
"""Returns when streams are to come to their end."""

Request = TypeVar("Request")
Response = TypeVar("Response")


class AuthorizationServicer(pb_grpc.AuthorizationServiceServicer):
    """The RPCs, each: read, admit, fetch, decide, record, write."""

    def __init__(
        self, callers: Callers, pdp: DecisionPoint, *, fetch: Fetch, reach: Reach, limits: Limits, ended: Ended
    ) -> None:
        self._callers = callers
        self._ended = ended
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
        checks = (read_check(request, self._limits),)
        answers = await self._decided(caller, checks, consistency, context)
        return write_check(_only(answers), answers)

    @answering
    async def BatchCheck(  # noqa: N802
        self, request: pb.BatchCheckRequest, context: ServicerContext[pb.BatchCheckRequest, pb.BatchCheckResponse]
    ) -> pb.BatchCheckResponse:
        """Decides several questions; each that is wrong fails alone."""
        caller, consistency = await self._arrived(request.consistency, context, len(request.checks))
        checks = read_batch(request, self._limits)
        answers = await self._decided(caller, checks, consistency, context)
        return write_batch(request.request_id, answers, write_error=lambda error: _told(error, context))

    @answering_stream
    def CheckStream(  # noqa: N802
        self,
        requests: AsyncIterator[pb.CheckRequest | None],
        context: ServicerContext[pb.CheckRequest, pb.CheckStreamResponse],
    ) -> AsyncGenerator[pb.CheckStreamResponse, None]:
        """Decides questions as they come, each by the credential as it is then; one that is wrong fails alone."""

        async def answer(request: pb.CheckRequest | None) -> pb.CheckStreamResponse:
            return await self._streamed(message_of(request), context)

        return answers_of(requests, answer, at_once=self._limits.stream_checks, ended=self._ended)

    @answering
    async def Explain(  # noqa: N802
        self, request: pb.ExplainRequest, context: ServicerContext[pb.ExplainRequest, pb.ExplainResponse]
    ) -> pb.ExplainResponse:
        """Decides one question and shows how."""
        caller, consistency = await self._arrived(request.check.consistency, context)
        check = read_check(request.check, self._limits)
        admitted = self._pdp.admit_explanation(caller, check)
        batch, known = await self._known(admitted, consistency, context)
        answers = await self._recorded(batch, known)
        response = write_check(_only(answers), answers)  # which raises what the question was refused for
        (explanation,) = self._pdp.explain(batch, known)
        return write_explanation(response, explanation)

    async def _streamed(
        self, request: pb.CheckRequest, context: ServicerContext[Request, Response]
    ) -> pb.CheckStreamResponse:
        """The answer to one question of a stream; Unauthenticated where the call's credential is good no more."""
        try:
            caller, consistency = await self._arrived(request.consistency, context)
            checks = (read_check(request, self._limits),)
            answers = await self._decided(caller, checks, consistency, context)
            (item,) = answers.items
        except Unauthenticated:
            raise
        except MagistrateError as error:
            item = error
        if isinstance(item, Answer):
            return pb.CheckStreamResponse(request_id=item.request_id, response=write_check(item, answers))
        return pb.CheckStreamResponse(request_id=request.request_id, error=_told(item, context))

    async def _arrived(
        self, asked: pb.Consistency, context: ServicerContext[Request, Response], questions: int = 1
    ) -> tuple[Caller, Consistency]:
        """The caller, when the worker is as fresh as it asks, and what that comes to for the facts.

        Nothing is admitted before: credentials and policies change by the same revisions as facts. Who shows no good
        credential has no wait.
        """
        caller, consistency = await self._callers.admitted(context, max(1, questions)), read_consistency(asked)
        if consistency is Latency.MINIMAL:
            return caller, consistency
        reached = await self._reach(consistency, _remaining_ms(context))
        return await self._callers.verified(context), reached

    async def _decided(
        self,
        caller: Caller,
        checks: Sequence[CheckRequest | MagistrateError],
        consistency: Consistency,
        context: ServicerContext[Request, Response],
    ) -> Answers:
        batch, known = await self._known(self._pdp.admit(caller, checks), consistency, context)
        return await self._recorded(batch, known)

    async def _recorded(self, batch: Batch, known: Known) -> Answers:
        """The answers, when they are kept as durably as the record is to be; without a wait where a write is enough."""
        answers = self._pdp.record(batch, known, self._pdp.decide(batch, known))
        if answers.keeping is not None:
            await answers.keeping
        return answers

    async def _known(
        self, batch: Batch, consistency: Consistency, context: ServicerContext[Request, Response]
    ) -> tuple[Batch, Known]:
        """What is known of a batch; of one admitted anew where what is fetched may yet verify a `principal_token`.

        Nothing is fetched for a caller that may not ask about bearers, and who waited for it is looked at again.
        """
        known = await self._fetch(batch, consistency, _remaining_ms(context))
        for _ in range(FETCHES):
            lacking = _lacking(known)
            if not lacking:
                break
            await asyncio.gather(*(fetch() for fetch in lacking))
            batch = self._pdp.admit_again(batch, await self._callers.verified(context))
            known = await self._fetch(batch, consistency, _remaining_ms(context))
        return batch, known


def _told(error: MagistrateError, context: ServicerContext[Request, Response]) -> Status:
    """The error of one item; the log has the cause of those that do not say it."""
    return told(error, context.peer() or "") if isinstance(error, Unauthenticated) else status_of(error)


def _lacking(known: Known) -> list[Callable[[], Awaitable[None]]]:
    """What would have to be fetched to know better of the credentials that were refused."""
    errors = [item.error for item in known.items if isinstance(item, Refused)]
    return [error.fetch for error in errors if isinstance(error, Unauthenticated) and error.fetch is not None]


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
