"""AuthorizationService: reads the message, asks the decision point, writes the answer."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import TypeVar

from google.rpc.status_pb2 import Status
from grpc.aio import ServicerContext
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import authorization_pb2_grpc as pb_grpc

from service.asking import Asking, Call
from service.config import Limits
from service.doors.calls import GRPC
from service.doors.grpc.caller import RPC, Callers
from service.doors.grpc.codec import read_batch, read_check, read_consistency, read_item, write_batch, write_check
from service.doors.grpc.explanation import write_explanation
from service.doors.grpc.rim import answering, answering_stream, name_of, told
from service.doors.grpc.room import Room
from service.doors.grpc.side_by_side import answers_of
from service.doors.grpc.status import status_of
from service.doors.wording import is_generic
from service.errors import MagistrateError, Unauthenticated
from service.model import Answer, Answers, Caller, Consistency, Keeping, Latency
from service.stages import write_ended
from service.traces import end_trace, leave_trace

Ended = Callable[[], Awaitable[object]]
"""Returns when streams are to come to their end."""

Streamed = pb.CheckStreamResponse
Streaming = Streamed | Coroutine[None, None, Streamed]
"""The answer to one question of a stream, or what is still to be done for it."""

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
        caller = self._admitted(call, request)
        answers = self._at_once(call, caller, request)
        if answers is None:
            answers = await self._in_time(call, caller, request)
        elif answers.keeping is not None:
            await self._asking.kept(answers.keeping)
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
        _count_answered(answers)
        return response

    @answering_stream
    def CheckStream(  # noqa: N802
        self,
        requests: AsyncIterator[pb.CheckRequest],
        context: ServicerContext[pb.CheckRequest | None, pb.CheckStreamResponse],
    ) -> AsyncGenerator[pb.CheckStreamResponse, None]:
        """Decides questions as they come, each by the credential as it is then; one that is wrong fails alone.

        Without a good credential it ends at once: a stranger who asks nothing holds no stream open.
        """
        call = self._callers.call(context)

        def answer(asked: Sequence[pb.CheckRequest]) -> Iterable[Streaming]:
            together = self._streamed_together(asked, call, context) if len(asked) > 1 else None
            # One after the other: those before one that ends the stream are answered.
            return together or (self._streamed(request, call, context) for request in asked)

        begin = partial(self._callers.verified, context)
        return answers_of(requests, answer, at_once=self._limits.stream_checks, begin=begin, ended=self._ended)

    @answering
    async def Explain(  # noqa: N802
        self, request: pb.ExplainRequest, context: ServicerContext[pb.ExplainRequest, pb.ExplainResponse]
    ) -> pb.ExplainResponse:
        """Decides one question and shows how."""
        call = self._callers.call(context)
        caller, consistency = await self._arrived(call, request.check.consistency)
        check = read_check(request.check, Room(self._limits))
        answers, explanations = await self._asking.explain(call, caller, check, consistency)
        response = write_check(_only(answers), answers)  # which raises what the question was refused for
        (explanation,) = explanations
        return write_explanation(response, explanation)

    def _streamed_together(
        self, requests: Sequence[pb.CheckRequest], call: Call, context: ServicerContext[Request, Response]
    ) -> Sequence[Streaming] | None:
        """The answers to questions that came together, by one look at the credential and one record of them all.

        None where they are to be answered one by one: some say how fresh, or wait. Unauthenticated as `_streamed`.
        """
        if not self._asking.answers_together or any(request.HasField("consistency") for request in requests):
            return None
        try:
            caller = self._asking.admit_at_once(call)
            if caller is None:
                return None
            checks = [read_item(request, Room(self._limits)) for request in requests]
            answers = self._asking.decide_at_once(call, caller, checks)
        except Unauthenticated:
            raise
        except MagistrateError as error:
            return [_streamed_error(request, error, context) for request in requests]
        if answers is None:
            return None
        if answers.keeping is None:
            return _write_all(requests, answers, context)
        each = zip(requests, answers.items, strict=True)
        return [
            self._streamed_when_kept(answers.keeping, request, replace(answers, items=(item,)), context)
            for request, item in each
        ]

    def _streamed(self, request: pb.CheckRequest, call: Call, context: ServicerContext[Request, Response]) -> Streaming:
        """The answer to one question of a stream, or what is still to be done for it.

        Unauthenticated, at once or then, where the call's credential is good no more.
        """
        leave_trace()
        try:
            caller = self._admitted(call, request)
            answers = self._at_once(call, caller, request)
        except Unauthenticated:
            raise
        except MagistrateError as error:
            return _streamed_error(request, error, context)
        if answers is None:
            return self._streamed_in_time(call, caller, request, context)
        if answers.keeping is not None:
            return self._streamed_when_kept(answers.keeping, request, answers, context)
        return _write_streamed(request, answers, context)

    async def _streamed_in_time(
        self, call: Call, caller: Caller | None, request: pb.CheckRequest, context: ServicerContext[Request, Response]
    ) -> Streamed:
        try:
            answers = await self._in_time(call, caller, request)
        except Unauthenticated:
            raise
        except MagistrateError as error:
            return _streamed_error(request, error, context)
        return _write_streamed(request, answers, context)

    async def _streamed_when_kept(
        self, keeping: Keeping, request: pb.CheckRequest, answers: Answers, context: ServicerContext[Request, Response]
    ) -> Streamed:
        try:
            await self._asking.kept(keeping)
        except MagistrateError as error:
            return _streamed_error(request, error, context)
        return _write_streamed(request, answers, context)

    def _admitted(self, call: Call, request: pb.CheckRequest) -> Caller | None:
        """The caller where that has not to be waited for, nor for facts that are fresh; None of every other call."""
        return None if request.HasField("consistency") else self._asking.admit_at_once(call)

    def _at_once(self, call: Call, caller: Caller | None, request: pb.CheckRequest) -> Answers | None:
        """The answer where nothing has to be waited for but its `keeping`; None of every other question."""
        if caller is None:
            return None
        return self._asking.decide_at_once(call, caller, (read_check(request, Room(self._limits)),))

    async def _in_time(self, call: Call, caller: Caller | None, request: pb.CheckRequest) -> Answers:
        """The answer, whatever is to be waited for; who was admitted is not admitted, and counted, once more."""
        consistency: Consistency = Latency.MINIMAL
        if caller is None:
            caller, consistency = await self._arrived(call, request.consistency)
        return await self._asking.decide(call, caller, (read_check(request, Room(self._limits)),), consistency)

    async def _arrived(self, call: Call, asked: pb.Consistency) -> tuple[Caller, Consistency]:
        """The caller, when the worker is as fresh as it asks; what is asked is read once it is known who asks."""
        caller = await self._asking.admit(call)
        return await self._asking.reach(call, caller, read_consistency(asked))


def _write_streamed(
    request: pb.CheckRequest, answers: Answers, context: ServicerContext[Request, Response]
) -> Streamed:
    (response,) = _write_all((request,), answers, context)
    return response


def _write_all(
    requests: Sequence[pb.CheckRequest], answers: Answers, context: ServicerContext[Request, Response]
) -> Sequence[Streamed]:
    began = perf_counter()
    responses = [
        pb.CheckStreamResponse(request_id=item.request_id, response=write_check(item, answers))
        if isinstance(item, Answer)
        else _streamed_error(request, item, context)
        for request, item in zip(requests, answers.items, strict=True)
    ]
    write_ended(began)
    _count_answered(answers)
    end_trace("grpc", RPC.get(), "OK")
    return responses


def _streamed_error(
    request: pb.CheckRequest, error: MagistrateError, context: ServicerContext[Request, Response]
) -> Streamed:
    status = _told(error, context)
    end_trace("grpc", RPC.get(), name_of(status))
    return pb.CheckStreamResponse(request_id=request.request_id, error=status)


def _told(error: MagistrateError, context: ServicerContext[Request, Response]) -> Status:
    """The error of one item, which is counted; the log has the cause of those that do not say it."""
    status = told(error, context.peer() or "") if is_generic(error) else status_of(error)
    GRPC.answer(RPC.get(), name_of(status))
    return status


def _count_answered(answers: Answers) -> None:
    """Counts the items that are no errors: of those, each is counted as it is told."""
    GRPC.answer(RPC.get(), "OK", sum(isinstance(item, Answer) for item in answers.items))


def _only(answers: Answers) -> Answer:
    (item,) = answers.items
    if isinstance(item, Answer):
        return item
    raise item
