"""A stream of questions for threads: many under way over one call, each answered as soon as it can be.

What is asked, read, repeated and refused is decided in modules that it shares with `async_stream`.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from types import TracebackType
from typing import Protocol, Self, Unpack

import grpc
from magistrate.v1.authorization_pb2 import CheckRequest, CheckStreamResponse

from magistrate_client.answers import unreadable
from magistrate_client.decision import Decision
from magistrate_client.errors import MagistrateError, Unanswered, client_closed, out_of_time
from magistrate_client.pending import Broken, Brought, Pending, ended, error_of_end, refuse_twice
from magistrate_client.question import AnyResource, Details, Question
from magistrate_client.requests import check_request
from magistrate_client.retries import RetryPolicy, Tries

Answered = tuple[Question, Decision | Unanswered]
"""A question of a stream, and what came of it."""


class Answers(Protocol):
    """A call of gRPC, as what it brings."""

    def __iter__(self) -> Iterator[CheckStreamResponse]: ...
    def cancel(self) -> object:
        """Ends it."""
        ...


Dial = Callable[[Iterator[CheckRequest]], Answers]
"""Begins a call that sends those requests; MagistrateError where none can be."""
Tell = Callable[[Brought], None]
"""Takes what a line brings for one question."""


class CheckStream:
    """Questions over one call, from any thread; `Magistrate.stream` makes it.

        with client.stream() as stream:
            for question, answer in stream.answers(questions):
                ...

    At most so many questions are under way at once; whoever asks more waits, within the deadline of the question. Each
    is decided by the credential as it is then. Where the stream breaks another is begun, and what has no answer is
    asked again under the same id.
    """

    def __init__(self, dial: Dial, *, timeout: float, retry: RetryPolicy, at_once: int, renews: bool) -> None:
        self._dial = dial
        self._timeout = timeout
        self._retry = retry
        self._renews = renews
        self._room = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._under_way: set[str] = set()
        self._is_closed = self._is_over = False
        self._line: _Line | None = None

    def check(
        self, action: str, resource: AnyResource, *, timeout: float | None = None, **details: Unpack[Details]
    ) -> Decision:
        """The decision on one question; MagistrateError if there is none."""
        ((_, answer),) = self.answers([Question(action, resource, **details)], timeout=timeout)
        if isinstance(answer, Unanswered):
            raise answer.error
        return answer

    def answers(self, questions: Iterable[Question], *, timeout: float | None = None) -> Iterator[Answered]:
        """Each question with its answer, whichever is ready first; a question that got none has a false `Unanswered`.

        Questions are taken as there is room for them, and no more while the answers are not taken.
        """
        heard: SimpleQueue[tuple[_Asked, Brought]] = SimpleQueue()
        asked: dict[str, _Asked] = {}
        source = iter(questions)
        has_more = True
        try:
            while True:
                if has_more:
                    has_more = yield from self._taken(source, timeout, asked)
                if not asked:
                    return
                yield from self._heard(heard, asked)
        finally:
            for request_id in list(asked):
                self._end(request_id, asked)

    def close(self) -> None:
        """Takes no more questions, waits for the answers to those under way, and ends the stream. Safe to repeat.

        The wait is no longer than the client's timeout; what has no answer then fails with `CLIENT_CLOSED`.
        """
        with self._idle:
            self._is_closed = True
            self._idle.wait_for(lambda: not self._under_way, self._timeout)
            self._is_over = True
        if self._line is not None:
            self._line.finish(self._timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _taken(
        self, source: Iterator[Question], timeout: float | None, asked: "dict[str, _Asked]"
    ) -> Generator[Answered, None, bool]:
        """Takes questions in while there is room, and gives those that cannot be asked; whether there may be more."""
        while True:
            tries = Tries(self._retry, self._timeout if timeout is None else timeout)
            has_room = self._room.acquire(blocking=False) if asked else self._room.acquire(timeout=tries.left())
            if asked and not has_room:
                return True
            refused: Answered | None = None
            is_begun = False
            try:
                question = next(source, None)
                if question is None:
                    return False
                refused = self._begin(question, tries, asked) if has_room else _roomless(question)
                is_begun = refused is None
            finally:
                if has_room and not is_begun:
                    self._room.release()
            if refused is not None:
                yield refused

    def _begin(self, question: Question, tries: Tries, asked: "dict[str, _Asked]") -> Answered | None:
        """Takes a question in, to be asked at once; what there is to say where it cannot be."""
        try:
            request = check_request(question)
            with self._lock:
                if self._is_closed:
                    raise client_closed(request.request_id)
                refuse_twice(request.request_id, self._under_way)
                self._under_way.add(request.request_id)
        except MagistrateError as error:
            return question, Unanswered(error)
        asked[request.request_id] = _Asked(question, Pending(request, tries, self._renews), due=monotonic())
        return None

    def _end(self, request_id: str, asked: "dict[str, _Asked]") -> None:
        del asked[request_id]
        self._room.release()
        with self._idle:
            if self._line is not None:
                self._line.forget(request_id)
            self._under_way.remove(request_id)
            self._idle.notify_all()

    def _heard(self, heard: "SimpleQueue[tuple[_Asked, Brought]]", asked: "dict[str, _Asked]") -> Iterator[Answered]:
        """Asks what is due, waits until something comes or is due, and gives what has come to its end."""
        now = monotonic()
        for each in asked.values():
            if each.due is not None and each.due <= now:
                each.due = None
                self._ask(each.pending.request, partial(_put, heard, each))
        try:
            one, brought = heard.get(timeout=max(0.0, min(each.wakes() for each in asked.values()) - now))
        except Empty:
            yield from self._late(asked)
            return
        request_id = one.pending.request.request_id
        if asked.get(request_id) is one:  # and not another of its id, which was asked when it had been given up
            outcome = one.outcome(brought)
            if outcome is not None:
                self._end(request_id, asked)
                yield one.question, outcome

    def _late(self, asked: "dict[str, _Asked]") -> Iterator[Answered]:
        for request_id, each in list(asked.items()):
            if not each.pending.tries.left():
                self._end(request_id, asked)
                yield each.question, Unanswered(out_of_time("no answer came before the deadline", request_id))

    def _ask(self, request: CheckRequest, tell: Tell) -> None:
        try:
            self._current().ask(request, tell)
        except MagistrateError as error:
            tell(Broken(error, has_answered=False))

    def _current(self) -> "_Line":
        """The line there is, or another where it has ended."""
        with self._lock:
            if self._is_over:
                raise client_closed("")
            if self._line is None or self._line.is_over:
                to_send: SimpleQueue[CheckRequest | None] = SimpleQueue()
                self._line = _Line(self._dial(iter(to_send.get, None)), to_send)
            return self._line


@dataclass(slots=True)
class _Asked:
    """A question of a conversation, and when it is to be asked again; None while its answer is awaited."""

    question: Question
    pending: Pending
    due: float | None

    def wakes(self) -> float:
        """When there is something to do for it whatever comes."""
        ends = monotonic() + self.pending.tries.left()
        return ends if self.due is None else min(ends, self.due)

    def outcome(self, brought: Brought) -> Decision | Unanswered | None:
        """What came of it; None where it is asked again."""
        try:
            try:
                return self.pending.decision(brought)
            except MagistrateError as error:
                self.due = monotonic() + self.pending.wait_after(error, brought)
        except MagistrateError as error:
            return Unanswered(error)
        return None


def _roomless(question: Question) -> Answered:
    error = out_of_time("no question under way was answered before the deadline", question.request_id)
    return question, Unanswered(error)


def _put(heard: SimpleQueue[tuple[_Asked, Brought]], asked: _Asked, brought: Brought) -> None:
    heard.put((asked, brought))


class _Line:
    """One call while it lasts, and who waits for what it brings."""

    def __init__(self, call: Answers, to_send: "SimpleQueue[CheckRequest | None]") -> None:
        self.is_over = False
        self._lock = threading.Lock()
        self._call = call
        self._to_send = to_send
        self._waiting: dict[str, Tell] = {}
        self._given_up: set[str] = set()
        """The ids of questions that were asked, and whose answers nobody waits for any more."""
        self._broken: Broken | None = None
        self._has_answered = False
        self._reading = threading.Thread(target=self._read, name="magistrate-stream", daemon=True)
        self._reading.start()

    def ask(self, request: CheckRequest, tell: Tell) -> None:
        """Sends the request, and has told what comes for it: its answer, or the end of the line.

        InvalidRequest where the answer to another may come under its id.
        """
        with self._lock:
            if self._broken is None:
                refuse_twice(request.request_id, self._given_up)
                self._waiting[request.request_id] = tell
                self._to_send.put(request)
                return
        tell(self._broken)

    def forget(self, request_id: str) -> None:
        """Nobody waits for that answer any more."""
        with self._lock:
            if self._waiting.pop(request_id, None) is not None:
                self._given_up.add(request_id)

    def finish(self, patience: float) -> None:
        """Sends no more, and returns when the service has ended the call too, or patience is at its end."""
        self._to_send.put(None)
        self._reading.join(patience)
        self._call.cancel()

    def _read(self) -> None:
        error: MagistrateError = ended()
        try:
            for answer in self._call:
                self._take(answer)
        except grpc.RpcError as failure:
            error = error_of_end(failure)
        except MagistrateError as refusal:
            error = refusal
        except ValueError:
            error = client_closed("")  # which is how gRPC says that a channel is closed
        finally:
            self._break(Broken(error, self._has_answered))

    def _break(self, broken: Broken) -> None:
        with self._lock:
            self._broken, self.is_over = broken, True
            waiting, self._waiting = self._waiting, {}
        self._to_send.put(None)
        for tell in waiting.values():
            tell(broken)

    def _take(self, answer: CheckStreamResponse | None) -> None:
        if answer is None:  # which is how gRPC gives bytes that are no message
            raise unreadable("the answer is no message of the contract", "")
        self._has_answered = True
        with self._lock:
            tell = self._waiting.pop(answer.request_id, None)
            self._given_up.discard(answer.request_id)
        if tell is not None:
            tell(answer)
