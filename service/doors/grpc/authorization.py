"""AuthorizationService: reads the message, asks the decision point, writes the answer."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from time import perf_counter
from typing import TypeVar

from google.rpc.status_pb2 import Status
from grpc.aio import ServicerContext
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import authorization_pb2_grpc as pb_grpc

from service.asking import Asking, Call
from service.config import Limits
from service.doors.grpc.caller import Callers
from service.doors.grpc.codec import read_batch, read_check, read_consistency, write_batch, write_check
from service.doors.grpc.explanation import write_explanation
from service.doors.grpc.rim import answering, answering_stream, message_of, told
from service.doors.grpc.side_by_side import answers_of
from service.doors.grpc.status import status_of
from service.errors import MagistrateError, Unauthenticated
from service.model import Answer, Answers, Caller, Consistency
from service.stages import write_ended

Ended = Callable[[], Awaitable[object]]
"""Returns when streams are to come to their end."""

Request = TypeVar("Request")
Response = TypeVar("Response")


class AuthorizationServicer(pb_grpc.AuthorizationServiceServicer):
    """The RPCs, each: read, admit, fetch, decide, record, write."""

    def __init__(self, callers: Callers, asking: Asking, limits: Limits, *, ended: Ended) -> None:
        self._callers = callers
        self._asking = asking
        self._limits = limits
        self._ended = ended

    @answering
    async def Check(  # noqa: N802
        self, request: pb.CheckRequest, context: ServicerContext[pb.CheckRequest, pb.CheckResponse]
    ) -> pb.CheckResponse:
        """Decides one question."""
        call = self._callers.call(context)
        caller, consistency = await self._arrived(call, request.consistency)
        checks = (read_check(request, self._limits),)
        answers = await self._asking.decide(call, caller, checks, consistency)
        began = perf_counter()
        response = write_check(_only(answers), answers)
        write_ended(began)
        return response

    @answering
    async def BatchCheck(  # noqa: N802
        self, request: pb.BatchCheckRequest, context: ServicerContext[pb.BatchCheckRequest, pb.BatchCheckResponse]
    ) -> pb.BatchCheckResponse:
        """Decides several questions; each that is wrong fails alone."""
        call = self._callers.call(context, weight=max(1, len(request.checks)))
        caller, consistency = await self._arrived(call, request.consistency)
        checks = read_batch(request, self._limits)
        answers = await self._asking.decide(call, caller, checks, consistency)
        began = perf_counter()
        response = write_batch(request.request_id, answers, write_error=lambda error: _told(error, context))
        write_ended(began)
        return response

    @answering_stream
    def CheckStream(  # noqa: N802
        self,
        requests: AsyncIterator[pb.CheckRequest | None],
        context: ServicerContext[pb.CheckRequest, pb.CheckStreamResponse],
    ) -> AsyncGenerator[pb.CheckStreamResponse, None]:
        """Decides questions as they come, each by the credential as it is then; one that is wrong fails alone."""
        call = self._callers.call(context)

        async def answer(request: pb.CheckRequest | None) -> pb.CheckStreamResponse:
            return await self._streamed(message_of(request), call, context)

        return answers_of(requests, answer, at_once=self._limits.stream_checks, ended=self._ended)

    @answering
    async def Explain(  # noqa: N802
        self, request: pb.ExplainRequest, context: ServicerContext[pb.ExplainRequest, pb.ExplainResponse]
    ) -> pb.ExplainResponse:
        """Decides one question and shows how."""
        call = self._callers.call(context)
        caller, consistency = await self._arrived(call, request.check.consistency)
        check = read_check(request.check, self._limits)
        answers, explanations = await self._asking.explain(call, caller, check, consistency)
        response = write_check(_only(answers), answers)  # which raises what the question was refused for
        (explanation,) = explanations
        return write_explanation(response, explanation)

    async def _streamed(
        self, request: pb.CheckRequest, call: Call, context: ServicerContext[Request, Response]
    ) -> pb.CheckStreamResponse:
        """The answer to one question of a stream; Unauthenticated where the call's credential is good no more."""
        try:
            caller, consistency = await self._arrived(call, request.consistency)
            checks = (read_check(request, self._limits),)
            answers = await self._asking.decide(call, caller, checks, consistency)
            (item,) = answers.items
        except Unauthenticated:
            raise
        except MagistrateError as error:
            item = error
        if isinstance(item, Answer):
            began = perf_counter()
            response = write_check(item, answers)
            write_ended(began)
            return pb.CheckStreamResponse(request_id=item.request_id, response=response)
        return pb.CheckStreamResponse(request_id=request.request_id, error=_told(item, context))

    async def _arrived(self, call: Call, asked: pb.Consistency) -> tuple[Caller, Consistency]:
        """The caller, when the worker is as fresh as it asks; what is asked is read once it is known who asks."""
        caller = await self._asking.admit(call)
        return await self._asking.reach(call, caller, read_consistency(asked))


def _told(error: MagistrateError, context: ServicerContext[Request, Response]) -> Status:
    """The error of one item; the log has the cause of those that do not say it."""
    return told(error, context.peer() or "") if isinstance(error, Unauthenticated) else status_of(error)


def _only(answers: Answers) -> Answer:
    (item,) = answers.items
    if isinstance(item, Answer):
        return item
    raise item
