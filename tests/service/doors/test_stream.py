"""CheckStream: each question alone, by the credential as it is then; bounded, and brought to an end in order."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Sequence
from dataclasses import replace
from queue import SimpleQueue

import grpc
import pytest
from magistrate.v1 import authorization_pb2 as pb
from magistrate.v1 import authorization_pb2_grpc as pb_grpc
from magistrate.v1 import types_pb2

from service.doors.calls import GRPC
from service.doors.grpc.side_by_side import answers_of
from service.errors import AuditUnavailable
from tests.service.doors.counting import items_of
from tests.service.doors.talking import Talk, bearer
from tests.service.point import KeptRecords

PATIENCE = 20.0
BATCH, STREAM = "AuthorizationService.BatchCheck", "AuthorizationService.CheckStream"


def question(number: int, action: str = "read", id_: str = "o1") -> pb.CheckRequest:
    asked = pb.CheckRequest(request_id=f"q{number}", action=action, resource=types_pb2.Entity(type="Order", id=id_))
    asked.principal.CopyFrom(types_pb2.Entity(type="User", id="alice"))
    return asked


def streamed(channel: grpc.Channel, token: str, *asked: pb.CheckRequest) -> dict[str, pb.CheckStreamResponse]:
    """What each question of one stream is answered, by its id."""
    answers = pb_grpc.AuthorizationServiceStub(channel).CheckStream(iter(asked), metadata=bearer(token), timeout=20)
    return {answer.request_id: answer for answer in answers}


def test_each_question_of_a_stream_is_answered_alone(talk: Talk, recorder: KeptRecords) -> None:
    asked = (question(1), question(2, "fly"), question(3, id_="absent"), question(4))

    answers = talk(lambda channel: streamed(channel, "pep", *asked))

    assert sorted(answers) == ["q1", "q2", "q3", "q4"]
    assert [answers[name].response.effect for name in ("q1", "q3", "q4")] == [
        pb.EFFECT_ALLOW, pb.EFFECT_DENY, pb.EFFECT_ALLOW,
    ]  # fmt: skip
    assert answers["q2"].error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    recorded = {record.id for record in recorder.records}
    assert {answers[name].response.decision_id for name in ("q1", "q3", "q4")} == recorded


def test_what_is_at_hand_is_answered_as_everything_is(talk: Talk, recorder: KeptRecords) -> None:
    fresh = question(4)
    fresh.consistency.at_least_as_fresh = "1"
    asked = (question(1), question(2, "fly"), question(3, id_="absent"), fresh, *map(question, range(5, 65)))
    ready = replace(talk, has_facts_at_hand=True)

    answers = ready(lambda channel: streamed(channel, "pep", *asked))

    assert [answers[name].response.code for name in ("q1", "q3", "q4")] == ["ALLOWED", "NO_RESOURCE", "ALLOWED"]
    assert answers["q2"].error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert {answers[f"q{number}"].response.code for number in range(5, 65)} == {"ALLOWED"}
    assert {record.request_id: record.id for record in recorder.records} == {
        name: answer.response.decision_id for name, answer in answers.items() if name != "q2"
    }


@pytest.mark.parametrize("is_at_hand", [False, True])
def test_each_answer_of_a_stream_is_counted_by_its_status(talk: Talk, is_at_hand: bool) -> None:
    asked = (question(1), question(2, "fly"), question(3, id_="absent"), question(4))
    before = items_of(GRPC)

    replace(talk, has_facts_at_hand=is_at_hand)(lambda channel: streamed(channel, "pep", *asked))

    assert items_of(GRPC) - before == {(STREAM, "OK"): 3, (STREAM, "INVALID_ARGUMENT"): 1}


@pytest.mark.parametrize("is_at_hand", [False, True])
def test_answers_of_a_stream_that_fail_are_counted_though_it_goes_on(
    talk: Talk, recorder: KeptRecords, monkeypatch: pytest.MonkeyPatch, is_at_hand: bool
) -> None:
    def find_no_room(records: object) -> None:
        raise AuditUnavailable("no room")

    monkeypatch.setattr(recorder, "record", find_no_room)
    before = items_of(GRPC)

    replace(talk, has_facts_at_hand=is_at_hand)(lambda channel: streamed(channel, "pep", question(1), question(2)))

    assert items_of(GRPC) - before == {(STREAM, "UNAVAILABLE"): 2}


def test_each_answer_of_a_batch_is_counted_by_its_status(talk: Talk) -> None:
    batch = pb.BatchCheckRequest(checks=[question(1), question(2, "fly"), question(3, id_="absent")])
    before = items_of(GRPC)

    talk(lambda channel: pb_grpc.AuthorizationServiceStub(channel).BatchCheck(batch, metadata=bearer("pep")))

    assert items_of(GRPC) - before == {(BATCH, "OK"): 2, (BATCH, "INVALID_ARGUMENT"): 1}


def test_a_stream_without_a_good_credential_ends_unauthenticated(talk: Talk) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        talk(lambda channel: streamed(channel, "nobody", question(1)))
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_stranger_holds_no_stream_open(talk: Talk) -> None:
    def say_nothing(channel: grpc.Channel) -> grpc.StatusCode:
        said: SimpleQueue[pb.CheckRequest | None] = SimpleQueue()
        stub = pb_grpc.AuthorizationServiceStub(channel)
        answers = stub.CheckStream(iter(said.get, None), metadata=bearer("nobody"), timeout=PATIENCE)
        with pytest.raises(grpc.RpcError) as caught:
            next(answers)
        said.put(None)
        assert isinstance(caught.value, grpc.Call)
        return caught.value.code()

    assert talk(say_nothing) is grpc.StatusCode.UNAUTHENTICATED


def test_bytes_that_are_no_question_end_the_stream(talk: Talk) -> None:
    def send(channel: grpc.Channel) -> grpc.StatusCode:
        path = "/magistrate.v1.AuthorizationService/CheckStream"
        raw: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(path)
        with pytest.raises(grpc.RpcError) as caught:
            list(raw(iter([b"\xff\xff"]), metadata=bearer("pep"), timeout=20))
        assert isinstance(caught.value, grpc.Call)
        return caught.value.code()

    assert talk(send) is grpc.StatusCode.INVALID_ARGUMENT


def test_a_fault_in_a_stream_is_internal_and_says_nothing(
    talk: Talk, recorder: KeptRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(records: object) -> None:
        raise ZeroDivisionError("of no caller's concern")

    monkeypatch.setattr(recorder, "record", break_down)

    with pytest.raises(grpc.RpcError) as caught:
        talk(lambda channel: streamed(channel, "pep", question(1)))
    assert isinstance(caught.value, grpc.Call)
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.INTERNAL, "a fault of the service")


def test_questions_are_answered_while_the_stream_goes_on(talk: Talk) -> None:
    def converse(channel: grpc.Channel) -> list[str]:
        asked: SimpleQueue[pb.CheckRequest | None] = SimpleQueue()
        questions: Iterator[pb.CheckRequest] = iter(asked.get, None)
        answers = pb_grpc.AuthorizationServiceStub(channel).CheckStream(questions, metadata=bearer("pep"), timeout=20)
        said = []
        for number in range(3):
            asked.put(question(number))
            said.append(next(answers).request_id)
        asked.put(None)
        assert list(answers) == []
        return said

    assert talk(converse) == ["q0", "q1", "q2"]


def doubled(requests: Sequence[int]) -> list[int]:
    return [request * 2 for request in requests]


async def at_once() -> None:
    """Begins a stream."""


async def apart(count: int, turns: int) -> AsyncIterator[int]:
    """So many requests, each so many turns of the loop before the next."""
    for number in range(count):
        yield number
        for _ in range(turns):
            await asyncio.sleep(0)


class Grouping:
    """Answers requests by themselves, and notes which of them together."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []

    def answer(self, asked: Sequence[int]) -> Sequence[int]:
        self.groups.append(list(asked))
        return asked

    def answers(self, requests: AsyncIterator[int]) -> AsyncGenerator[int, None]:
        return answers_of(requests, self.answer, at_once=64, begin=at_once, ended=asyncio.Event().wait)


async def groups_of(count: int, *, turns: int) -> list[list[int]]:
    """Which of so many requests are answered together, where each comes so many turns of the loop after the other."""
    grouping = Grouping()
    async with asyncio.timeout(PATIENCE):
        said = [each async for each in grouping.answers(apart(count, turns))]
    assert said == list(range(count))
    return grouping.groups


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_requests_that_come_together_are_answered_together_up_to_a_bound(turns: int) -> None:
    groups = asyncio.run(groups_of(40, turns=turns))
    assert groups == [list(range(16)), list(range(16, 32)), list(range(32, 40))]


def test_a_request_that_comes_alone_is_not_kept_waiting() -> None:
    assert asyncio.run(groups_of(3, turns=4)) == [[0], [1], [2]]


def test_requests_gather_while_earlier_answers_wait_to_be_taken() -> None:
    async def requests() -> AsyncIterator[int]:
        yield 0
        async for number in apart(4, turns=4):
            yield 1 + number

    async def scenario() -> None:
        grouping = Grouping()
        answers = grouping.answers(requests())
        async with asyncio.timeout(PATIENCE):
            said = [await anext(answers)]
            for _ in range(50):
                await asyncio.sleep(0)
            assert grouping.groups == [[0, 1]]
            said += [each async for each in answers]
        assert (said, grouping.groups) == ([0, 1, 2, 3, 4], [[0, 1], [2, 3, 4]])

    asyncio.run(scenario())


class Slow:
    """Answers when it is told to, and notes what it was asked."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.asked: list[int] = []
        self.go = asyncio.Event()
        self.ended = asyncio.Event()

    async def requests(self, count: int) -> AsyncIterator[int]:
        for number in range(count):
            self.read.append(number)
            yield number
            await asyncio.sleep(0)
        await asyncio.Event().wait()

    def answer(self, requests: Sequence[int]) -> Iterator[Coroutine[None, None, int]]:
        self.asked += requests
        return (self.told(request) for request in requests)

    async def told(self, request: int) -> int:
        await self.go.wait()
        return request

    async def stream(self) -> "tuple[asyncio.Future[int], AsyncGenerator[int, None]]":
        """The first answer and the others to ten requests, two at a time, once as much was read as can be."""
        answers: AsyncGenerator[int, None] = answers_of(
            self.requests(10), self.answer, at_once=2, begin=at_once, ended=self.ended.wait
        )
        first = asyncio.ensure_future(anext(answers))
        for _ in range(50):
            await asyncio.sleep(0)
        return first, answers


def test_no_more_is_read_than_may_wait_for_its_answer() -> None:
    async def scenario() -> None:
        slow = Slow()
        first, answers = await slow.stream()
        assert (slow.asked, slow.read) == ([0, 1], [0, 1])
        slow.go.set()
        async with asyncio.timeout(PATIENCE):
            said = [await first, *[await anext(answers) for _ in range(9)]]
        assert sorted(said) == list(range(10))
        await answers.aclose()

    asyncio.run(scenario())


def test_answers_that_are_ready_come_in_order_and_wait_to_be_taken() -> None:
    async def scenario() -> None:
        slow = Slow()
        answers: AsyncGenerator[int, None] = answers_of(
            slow.requests(10), doubled, at_once=2, begin=at_once, ended=slow.ended.wait
        )
        async with asyncio.timeout(PATIENCE):
            first = await anext(answers)
            for _ in range(50):
                await asyncio.sleep(0)
            assert (first, slow.read) == (0, [0, 1, 2])
            assert [await anext(answers) for _ in range(9)] == list(range(2, 20, 2))
        await answers.aclose()

    asyncio.run(scenario())


def test_an_answer_that_fails_ends_the_stream() -> None:
    async def scenario() -> None:
        slow = Slow()

        def answer(requests: Sequence[int]) -> Iterator[int]:
            return (10 // (1 - request) for request in requests)

        answers: AsyncGenerator[int, None] = answers_of(
            slow.requests(3), answer, at_once=4, begin=at_once, ended=slow.ended.wait
        )
        async with asyncio.timeout(PATIENCE):
            assert await anext(answers) == 10
            with pytest.raises(ZeroDivisionError):
                await anext(answers)

    asyncio.run(scenario())


def test_what_was_read_before_the_end_is_answered_and_nothing_more_is_read() -> None:
    async def scenario() -> None:
        slow = Slow()
        first, answers = await slow.stream()
        slow.ended.set()
        await asyncio.sleep(0)
        slow.go.set()
        async with asyncio.timeout(PATIENCE):
            said = [await first, *[answer async for answer in answers]]
        assert sorted(said) == [0, 1] == slow.asked == slow.read

    asyncio.run(scenario())
