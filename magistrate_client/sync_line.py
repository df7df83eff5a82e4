"""One call while a stream lasts on it, and the threads that wait for what it brings."""

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Protocol

import grpc
from magistrate.v1.authorization_pb2 import CheckRequest, CheckStreamResponse

from magistrate_client.answers import unreadable
from magistrate_client.errors import MagistrateError, client_closed
from magistrate_client.pending import Broken, Brought, ended, error_of_end, refuse_twice


class Answers(Protocol):
    """A call of gRPC, as what it brings."""

    def __iter__(self) -> Iterator[CheckStreamResponse]: ...
    def cancel(self) -> object:
        """Ends it."""
        ...


Tell = Callable[[Brought], None]
"""Takes what a line brings for one question."""


class Line:
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
