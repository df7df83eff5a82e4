"""A stream of questions for threads: many under way over one call, each answered as soon as it can be.

What is asked, read, repeated and refused is decided in modules that it shares with `async_stream`.
"""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic
from types import TracebackType
from typing import Self, Unpack

from magistrate.v1.authorization_pb2 import CheckRequest

from magistrate_client.decision import Decision
from magistrate_client.errors import MagistrateError, Unanswered, client_closed, out_of_time
from magistrate_client.pending import Broken, Brought, Pending, refuse_twice
from magistrate_client.question import AnyResource, Details, Question
from magistrate_client.requests import check_request
from magistrate_client.retries import RetryPolicy, Tries
from magistrate_client.sync_line import Answers, Line, Tell

Answered = tuple[Question, Decision | Unanswered]
"""A question of a stream, and what came of it."""
Dial = Callable[[Iterator[CheckRequest]], Answers]
"""Begins a call that sends those requests; MagistrateError where none can be."""


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
        self._line: Line | None = None

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

        Questions are taken as there is room for them, and no more while the answers are not taken. Each is asked before
        the next one is taken; while their source waits for that, answers wait too.
        """
        talk = _Talk()
        source = iter(questions)
        has_more = True
        try:
            while True:
                if has_more:
                    has_more = yield from self._taken(source, timeout, talk)
                if not talk.asked:
                    return
                yield from self._awaited(talk)
        finally:
            for request_id in list(talk.asked):
                self._end(request_id, talk)

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
        self, source: Iterator[Question], timeout: float | None, talk: "_Talk"
    ) -> Generator[Answered, None, bool]:
        """Takes questions in and asks them while there is room, and gives what has come by then.

        Whether there may be more.
        """
        while True:
            tries = Tries(self._retry, self._timeout if timeout is None else timeout)
            has_room = self._room.acquire(blocking=False) if talk.asked else self._room.acquire(timeout=tries.left())
            if talk.asked and not has_room:
                return True
            refused: Answered | None = None
            is_begun = False
            try:
                began = monotonic()
                question = next(source, None)
                if question is None:
                    return False
                tries.put_off(monotonic() - began)  # until then there was no question
                refused = self._begin(question, tries, talk) if has_room else _roomless(question)
                is_begun = refused is None
            finally:
                if has_room and not is_begun:
                    self._room.release()
            if refused is not None:
                yield refused
            yield from self._by_now(talk)  # before the next is taken, for which the source may have to wait

    def _begin(self, question: Question, tries: Tries, talk: "_Talk") -> Answered | None:
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
        talk.asked[request.request_id] = _Asked(question, Pending(request, tries, self._renews), due=monotonic())
        return None

    def _end(self, request_id: str, talk: "_Talk") -> None:
        del talk.asked[request_id]
        self._room.release()
        with self._idle:
            if self._line is not None:
                self._line.forget(request_id)
            self._under_way.remove(request_id)
            self._idle.notify_all()

    def _by_now(self, talk: "_Talk") -> Iterator[Answered]:
        """Asks what is due, and gives what has come to its end."""
        self._ask_due(talk)
        while not talk.heard.empty():
            yield from self._told(talk, *talk.heard.get())
        yield from self._late(talk)

    def _ask_due(self, talk: "_Talk") -> None:
        """Asks what is due, for the first time or again."""
        now = monotonic()
        for each in talk.asked.values():
            if each.due is not None and each.due <= now:
                each.due = None
                self._ask(each.pending.request, partial(_put, talk.heard, each))

    def _awaited(self, talk: "_Talk") -> Iterator[Answered]:
        """Asks what is due, waits until something comes or is due, and gives what has come to its end."""
        self._ask_due(talk)
        now = monotonic()
        try:
            told = talk.heard.get(timeout=max(0.0, min(each.wakes() for each in talk.asked.values()) - now))
        except Empty:
            yield from self._late(talk)
            return
        yield from self._told(talk, *told)

    def _told(self, talk: "_Talk", one: "_Asked", brought: Brought) -> Iterator[Answered]:
        """What came of a question, unless it is asked again."""
        request_id = one.pending.request.request_id
        if talk.asked.get(request_id) is one:  # and not another of its id, which was asked when it had been given up
            outcome = one.outcome(brought)
            if outcome is not None:
                self._end(request_id, talk)
                yield one.question, outcome

    def _late(self, talk: "_Talk") -> Iterator[Answered]:
        for request_id, each in list(talk.asked.items()):
            if not each.pending.tries.left():
                self._end(request_id, talk)
                yield each.question, Unanswered(out_of_time("no answer came before the deadline", request_id))

    def _ask(self, request: CheckRequest, tell: Tell) -> None:
        try:
            self._current().ask(request, tell)
        except MagistrateError as error:
            tell(Broken(error, has_answered=False))

    def _current(self) -> Line:
        """The line there is, or another where it has ended."""
        with self._lock:
            if self._is_over:
                raise client_closed("")
            if self._line is None or self._line.is_over:
                to_send: SimpleQueue[CheckRequest | None] = SimpleQueue()
                self._line = Line(self._dial(iter(to_send.get, None)), to_send)
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


@dataclass(frozen=True, slots=True)
class _Talk:
    """What is asked in one conversation, by the ids of the questions, and what came for them and is not looked at."""

    asked: dict[str, _Asked] = field(default_factory=dict)
    heard: SimpleQueue[tuple[_Asked, Brought]] = field(default_factory=SimpleQueue)


def _roomless(question: Question) -> Answered:
    error = out_of_time("no question under way was answered before the deadline", question.request_id)
    return question, Unanswered(error)


def _put(heard: SimpleQueue[tuple[_Asked, Brought]], asked: _Asked, brought: Brought) -> None:
    heard.put((asked, brought))
