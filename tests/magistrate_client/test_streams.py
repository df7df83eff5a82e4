"""Streams of questions through both clients: bounded, matched by id, begun anew where they break, ended in order."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable, Iterator

import grpc
import pytest
from grpc import aio
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub

import magistrate_client as mc
from magistrate_client.async_stream import Answered, AsyncCheckStream, Call
from magistrate_client.sync_stream import CheckStream
from tests.magistrate_client.scripted_service import Refusal, packed
from tests.magistrate_client.shells import on_a_loop
from tests.magistrate_client.streaming import (
    PATIENCE,
    Ask,
    Streamer,
    allowed,
    both_streams,
    ready,
    streaming,
)


def questions(count: int) -> list[mc.Question]:
    return [mc.Question("read", f"Document:d{at}") for at in range(count)]


def codes(answers: Iterable[Answered]) -> dict[str, str]:
    """The code that each question was answered with, or the class of its error."""
    return {
        str(question.resource): answer.code if isinstance(answer, mc.Decision) else type(answer.error).__name__
        for question, answer in answers
    }


def own_codes(count: int) -> dict[str, str]:
    return {f"Document:d{at}": f"d{at}" for at in range(count)}


@both_streams
@on_a_loop
async def test_every_question_has_its_own_answer(ask: Ask) -> None:
    async with streaming(ready()) as service:
        answers = await ask(service.target, questions(300))
    assert codes(answers) == own_codes(300)
    assert len(service.tokens) == 1


@both_streams
@on_a_loop
async def test_no_more_questions_are_under_way_than_were_agreed(ask: Ask) -> None:
    async with streaming(ready()) as service:
        answers = await ask(service.target, questions(40), at_once=3)
    assert len(answers) == 40
    assert 0 < service.most <= 3


@both_streams
@on_a_loop
async def test_questions_are_taken_only_as_there_is_room(ask: Ask) -> None:
    taken: list[int] = []
    under_way: list[int] = []

    def source() -> Iterable[mc.Question]:
        for at, question in enumerate(questions(40)):
            taken.append(at)
            under_way.append(len(taken) - service.answered)
            yield question

    async with streaming(ready()) as service:
        assert len(await ask(service.target, source(), at_once=3)) == 40
    assert max(under_way) <= 4


@both_streams
@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED], ids=lambda code: code.name)
@on_a_loop
async def test_a_stream_that_breaks_is_begun_anew_for_what_has_no_answer(ask: Ask, code: grpc.StatusCode) -> None:
    def breaking(service: Streamer, request: pb.CheckRequest) -> pb.CheckStreamResponse | grpc.StatusCode:
        return code if service.answered == 4 and len(service.tokens) == 1 else allowed(service, request)

    async with streaming(ready(breaking)) as service:
        answers = await ask(service.target, questions(10))
    assert codes(answers) == own_codes(10)
    assert len(service.tokens) == 2
    assert [service.times(f"d{at}") for at in range(5)] == [1, 1, 1, 1, 2]
    assert len({request.request_id for request in service.asked}) == 10


@both_streams
@on_a_loop
async def test_a_service_that_restarts_midway_costs_no_answer(ask: Ask) -> None:
    first, halfway = ready(), asyncio.Event()

    def up_to_half(service: Streamer, request: pb.CheckRequest) -> pb.CheckStreamResponse:
        if service.answered == 49:
            halfway.set()
            service.go.clear()
        return allowed(service, request)

    first.answer = up_to_half
    async with streaming(first):
        asked = asyncio.create_task(ask(first.target, questions(100)))
        await halfway.wait()
    async with streaming(ready(), first.target) as second:
        answers = await asked
    assert codes(answers) == own_codes(100)
    again = [request.resource.id for request in second.asked]
    assert first.answered == 50
    assert len(again) == len(set(again)) < 100
    # Beside those that the first did not answer: some whose answers were lost on the way.
    assert set(again) >= {f"d{at}" for at in range(50, 100)}


@both_streams
@on_a_loop
async def test_a_stream_that_is_refused_for_good_answers_nothing(ask: Ask) -> None:
    def refusing(_: Streamer, __: pb.CheckRequest) -> grpc.StatusCode:
        return grpc.StatusCode.PERMISSION_DENIED

    async with streaming(ready(refusing)) as service:
        answers = await ask(service.target, questions(5))
    assert set(codes(answers).values()) == {"PermissionDenied"}
    assert not any(answer for _, answer in answers)


@both_streams
@on_a_loop
async def test_a_question_that_is_wrong_fails_alone(ask: Ask) -> None:
    wrong = packed(Refusal(grpc.StatusCode.INVALID_ARGUMENT))

    def answer(service: Streamer, request: pb.CheckRequest) -> pb.CheckStreamResponse:
        if request.resource.id == "d1":
            return pb.CheckStreamResponse(request_id=request.request_id, error=wrong)
        return allowed(service, request)

    async with streaming(ready(answer)) as service:
        answers = await ask(service.target, [*questions(3), mc.Question("read", "no reference")])
    assert codes(answers) == {
        "Document:d0": "d0", "Document:d1": "InvalidRequest", "Document:d2": "d2", "no reference": "InvalidRequest",
    }  # fmt: skip


@both_streams
@on_a_loop
async def test_a_question_that_is_put_off_is_asked_again_on_the_same_stream(ask: Ask) -> None:
    later = packed(Refusal(grpc.StatusCode.UNAVAILABLE))

    def answer(service: Streamer, request: pb.CheckRequest) -> pb.CheckStreamResponse:
        if service.times("d1") == 1 and request.resource.id == "d1":
            return pb.CheckStreamResponse(request_id=request.request_id, error=later)
        return allowed(service, request)

    async with streaming(ready(answer)) as service:
        answers = await ask(service.target, questions(3))
    assert codes(answers) == own_codes(3)
    assert (service.times("d1"), len(service.tokens)) == (2, 1)


def _ends_with_the_token(service: Streamer, request: pb.CheckRequest) -> pb.CheckStreamResponse | grpc.StatusCode:
    return grpc.StatusCode.UNAUTHENTICATED if service.answered == 2 else allowed(service, request)


@both_streams
@on_a_loop
async def test_a_token_that_ends_is_followed_by_the_next(ask: Ask) -> None:
    tokens = iter(["one", "two"])

    def until_the_next(service: Streamer, request: pb.CheckRequest) -> pb.CheckStreamResponse | grpc.StatusCode:
        return _ends_with_the_token(service, request) if len(service.tokens) == 1 else allowed(service, request)

    async with streaming(ready(until_the_next)) as service:
        answers = await ask(service.target, questions(5), token=lambda: next(tokens))
    assert codes(answers) == own_codes(5)
    assert service.tokens == ["Bearer one", "Bearer two"]


@both_streams
@on_a_loop
async def test_a_token_that_is_all_there_is_ends_the_stream_with_it(ask: Ask) -> None:
    async with streaming(ready(_ends_with_the_token)) as service:
        answers = await ask(service.target, questions(5), token="only")
    assert sorted(codes(answers).values()) == ["Unauthenticated", "Unauthenticated", "Unauthenticated", "d0", "d1"]


@both_streams
@on_a_loop
async def test_silence_ends_with_the_deadline_of_each_question(ask: Ask) -> None:
    async with streaming(Streamer()) as service:
        answers = await ask(service.target, questions(3), timeout=0.5)
    assert set(codes(answers).values()) == {"DeadlineExceeded"}


@both_streams
@on_a_loop
async def test_an_id_that_is_under_way_cannot_be_asked_under_again(ask: Ask) -> None:
    twice = [mc.Question("read", f"Document:d{at}", request_id="the same") for at in range(2)]

    def late() -> Iterable[mc.Question]:
        yield from twice
        loop.call_soon_threadsafe(service.go.set)

    loop = asyncio.get_running_loop()
    async with streaming(Streamer()) as service:
        answers = await ask(service.target, late())
    assert codes(answers) == {"Document:d0": "d0", "Document:d1": "InvalidRequest"}


@both_streams
@on_a_loop
async def test_a_late_answer_is_taken_for_no_other_question_of_its_id(ask: Ask) -> None:
    first, second = (mc.Question("read", f"Document:d{at}", request_id="the same") for at in range(2))

    def source() -> Iterable[mc.Question]:
        yield first
        yield second
        loop.call_soon_threadsafe(service.go.set)
        yield mc.Question("read", "Document:d2")

    loop = asyncio.get_running_loop()
    async with streaming(Streamer()) as service:
        answers = await ask(service.target, source(), at_once=1, timeout=1.0)
    assert codes(answers) == {"Document:d0": "DeadlineExceeded", "Document:d1": "InvalidRequest", "Document:d2": "d2"}


@both_streams
@on_a_loop
async def test_a_stream_is_brought_to_an_end_in_order(ask: Ask) -> None:
    async with streaming(ready()) as service:
        await ask(service.target, questions(2))
        assert service.ended == 1


@on_a_loop
async def test_single_questions_of_many_tasks_share_the_call_and_none_is_taken_after_the_end() -> None:
    async with streaming(ready()) as service, mc.AsyncMagistrate(service.target, timeout=PATIENCE) as client:
        async with client.stream(at_once=4) as stream:
            decisions = await asyncio.gather(*(stream.check("read", f"Document:d{at}") for at in range(50)))
        with pytest.raises(mc.Unavailable) as afterwards:
            await stream.check("read", "Document:d1")
    assert [decision.code for decision in decisions] == [f"d{at}" for at in range(50)]
    assert (len(service.tokens), afterwards.value.reason) == (1, "CLIENT_CLOSED")


@on_a_loop
async def test_single_questions_of_many_threads_share_the_call_and_none_is_taken_after_the_end() -> None:
    async with streaming(ready()) as service:
        with mc.Magistrate(service.target, timeout=PATIENCE) as client:
            with client.stream(at_once=4) as stream:
                asking = (asyncio.to_thread(stream.check, "read", f"Document:d{at}") for at in range(20))
                decisions = await asyncio.gather(*asking)
                await asyncio.to_thread(stream.close)
            with pytest.raises(mc.Unavailable) as afterwards:
                stream.check("read", "Document:d1")
    assert [decision.code for decision in decisions] == [f"d{at}" for at in range(20)]
    assert (len(service.tokens), afterwards.value.reason) == (1, "CLIENT_CLOSED")


@on_a_loop
async def test_who_waits_for_room_waits_no_longer_than_its_deadline() -> None:
    async with streaming(Streamer()) as service:
        with mc.Magistrate(service.target, timeout=PATIENCE) as client, client.stream(at_once=1) as stream:
            first = asyncio.create_task(asyncio.to_thread(stream.check, "read", "Document:d0"))
            await service.was_asked.wait()
            with pytest.raises(mc.DeadlineExceeded):
                await asyncio.wait_for(
                    asyncio.to_thread(stream.check, "read", "Document:d1", timeout=0.05), PATIENCE / 2
                )
            service.go.set()
            assert (await first).code == "d0"
            await asyncio.to_thread(stream.close)
    assert service.times("d1") == 0


@on_a_loop
async def test_a_source_of_questions_that_fails_leaves_its_place() -> None:
    def failing() -> Iterable[mc.Question]:
        yield mc.Question("read", "Document:d0")
        raise LookupError

    def ask() -> str:
        with mc.Magistrate(service.target, timeout=PATIENCE) as client, client.stream(at_once=1) as stream:
            with pytest.raises(LookupError):
                list(stream.answers(failing()))
            return stream.check("read", "Document:d1", timeout=PATIENCE / 4).code

    async with streaming(ready()) as service:
        assert await asyncio.to_thread(ask) == "d1"


class Echo:
    """A call that allows each question as soon as it is sent, and says so."""

    def __init__(self, requests: Iterator[pb.CheckRequest]) -> None:
        self._requests = requests

    def __iter__(self) -> Iterator[pb.CheckStreamResponse]:
        return (allowed(Streamer(), request) for request in self._requests)

    def cancel(self) -> None:
        pass


def test_a_question_is_asked_before_its_source_has_another() -> None:
    was_sent = threading.Event()

    def noted(requests: Iterator[pb.CheckRequest]) -> Iterator[pb.CheckRequest]:
        for request in requests:
            was_sent.set()
            yield request

    def source() -> Iterator[mc.Question]:
        first, second = questions(2)
        yield first
        assert was_sent.wait(PATIENCE / 2)
        yield second

    with CheckStream(
        lambda requests: Echo(noted(requests)), timeout=PATIENCE, retry=mc.RetryPolicy(), at_once=8, renews=False
    ) as stream:
        assert codes(stream.answers(source())) == own_codes(2)


def test_the_deadline_of_a_question_begins_when_its_source_has_it() -> None:
    def slowly(requests: Iterator[pb.CheckRequest]) -> Iterator[pb.CheckRequest]:
        for request in requests:
            threading.Event().wait(0.05)
            yield request

    def source() -> Iterator[mc.Question]:
        threading.Event().wait(0.85)
        yield from questions(1)

    with CheckStream(
        lambda requests: Echo(slowly(requests)), timeout=0.8, retry=mc.RetryPolicy(), at_once=8, renews=False
    ) as stream:
        assert codes(stream.answers(source())) == own_codes(1)


@on_a_loop
async def test_a_stream_that_is_being_begun_when_it_is_closed_is_brought_to_its_end() -> None:
    has_begun, may_go, calls = asyncio.Event(), asyncio.Event(), list[Call]()
    async with streaming(ready()) as service, aio.insecure_channel(service.target) as channel:
        stub = AuthorizationServiceStub(channel)

        async def dial(requests: AsyncIterator[pb.CheckRequest]) -> Call:
            has_begun.set()
            await may_go.wait()
            calls.append(stub.CheckStream(requests))
            return calls[-1]

        stream = AsyncCheckStream(dial, timeout=0.01, retry=mc.RetryPolicy(), at_once=1, renews=False)
        asked = asyncio.create_task(stream.check("read", "Document:d1", timeout=PATIENCE))
        await has_begun.wait()
        await stream.close()
        may_go.set()
        with pytest.raises(mc.Unavailable) as under_way:
            await asked
    assert (under_way.value.reason, [call.cancelled() for call in calls]) == ("CLIENT_CLOSED", [True])


@on_a_loop
async def test_closing_the_client_ends_what_is_under_way_with_an_error() -> None:
    async with streaming(Streamer()) as service:
        tasks, threads = mc.AsyncMagistrate(service.target), mc.Magistrate(service.target)
        for ask, close in (
            (tasks.stream().check("read", "Document:d1", timeout=PATIENCE), tasks.close),
            (
                asyncio.to_thread(threads.stream().check, "read", "Document:d1", timeout=PATIENCE),
                lambda: asyncio.to_thread(threads.close),
            ),
        ):
            service.was_asked.clear()
            asked = asyncio.ensure_future(ask)
            await service.was_asked.wait()
            await close()
            with pytest.raises(mc.Unavailable) as under_way:
                await asked
            assert under_way.value.reason == "CLIENT_CLOSED"


@on_a_loop
async def test_a_question_that_nobody_waits_for_any_more_leaves_its_place() -> None:
    async with streaming(Streamer()) as service, mc.AsyncMagistrate(service.target, timeout=PATIENCE) as client:
        async with client.stream(at_once=1) as stream:
            gone = asyncio.create_task(stream.check("read", "Document:gone"))
            await service.was_asked.wait()
            gone.cancel()
            service.go.set()
            assert (await stream.check("read", "Document:d1")).code == "d1"
        assert gone.cancelled()
