"""The client for threads: a thin shell that makes the calls and waits between tries.

What is asked, read, repeated and refused is decided in modules that it shares with `async_client`. One object serves
any number of threads.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import cycle
from types import TracebackType
from typing import Self, TypeVar, Unpack

import grpc
from magistrate.v1.authorization_pb2 import CheckRequest
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub

from magistrate_client.answers import read_batch, read_decision, read_explanation
from magistrate_client.channels import CHANNELS, endpoint
from magistrate_client.consistency import AnyConsistency
from magistrate_client.credentials import Metadata, bearer
from magistrate_client.decision import Decision
from magistrate_client.errors import Denied, MagistrateError, Unanswered, client_closed
from magistrate_client.explanation import Explanation
from magistrate_client.fail_closed import denied_by
from magistrate_client.pending import AT_ONCE
from magistrate_client.question import NOT_GIVEN, AnyResource, Details, NotGiven, Question
from magistrate_client.requests import batch_request, check_request, explain_request
from magistrate_client.retries import TIMEOUT, RetryPolicy, Tries
from magistrate_client.statuses import error_from_failure
from magistrate_client.sync_line import Answers
from magistrate_client.sync_stream import CheckStream
from magistrate_client.tracing import traced

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Magistrate:
    """Asks a Magistrate service, from any thread.

        with Magistrate("127.0.0.1:7080", token=token) as client:
            if client.check("edit", "Document:plan"):
                ...

    `token` is a bearer token, or a function that gives one and is called before every try. `credentials` are those of
    `grpc.ssl_channel_credentials`; without them the system's roots are trusted, and plain text is spoken only to this
    machine, or with `insecure=True`. `timeout` is the deadline of a question in seconds, all its tries included.
    """

    def __init__(
        self,
        target: str,
        *,
        token: str | Callable[[], str] | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        insecure: bool = False,
        timeout: float = TIMEOUT,
        retry: RetryPolicy | None = None,
        channels: int = CHANNELS,
    ) -> None:
        self._endpoint = endpoint(target, credentials, insecure=insecure, channels=channels)
        self._token = token if callable(token) else None
        self._metadata: Metadata = bearer(token) if isinstance(token, str) else ()
        self._timeout = timeout
        self._retry = retry or RetryPolicy()
        self._closed = threading.Event()
        self._channels = self._endpoint.open_channels()
        stubs = [AuthorizationServiceStub(channel) for channel in self._channels]
        # `next` on a cycle is one step of the interpreter, so threads need no lock to take turns.
        self._checks = cycle([stub.Check for stub in stubs])
        self._batches = cycle([stub.BatchCheck for stub in stubs])
        self._explains = cycle([stub.Explain for stub in stubs])
        self._streams = cycle([stub.CheckStream for stub in stubs])

    def check(
        self, action: str, resource: AnyResource, *, timeout: float | None = None, **details: Unpack[Details]
    ) -> Decision:
        """The decision on one question; MagistrateError if there is none."""
        request = check_request(Question(action, resource, **details))
        answer = self._call(self._checks, request, request.request_id, timeout)
        return read_decision(answer, request.request_id)

    def check_many(
        self,
        questions: Sequence[Question],
        *,
        request_id: str = "",
        timeout: float | None = None,
        consistency: AnyConsistency | NotGiven = NOT_GIVEN,
    ) -> tuple[Decision | Unanswered, ...]:
        """The decisions on several questions under one policy digest, in their order. A question that is wrong to the
        service fails alone, as a false `Unanswered`; MagistrateError if all have no answer, InvalidRequest if one
        cannot even be asked."""
        if not questions:
            return ()
        request = batch_request(questions, request_id, consistency)
        answer = self._call(self._batches, request, request.request_id, timeout)
        return read_batch(answer, request)

    def explain(
        self, action: str, resource: AnyResource, *, timeout: float | None = None, **details: Unpack[Details]
    ) -> Explanation:
        """The decision, and every rule and clause with its value; needs `read_reasons`."""
        request = explain_request(Question(action, resource, **details))
        request_id = request.check.request_id
        answer = self._call(self._explains, request, request_id, timeout)
        return read_explanation(answer, request_id)

    def stream(self, *, at_once: int = AT_ONCE) -> CheckStream:
        """A stream of questions over one call, so many of them under way; for `with`."""
        return CheckStream(
            self._dial,
            timeout=self._timeout,
            retry=self._retry,
            at_once=at_once,
            renews=self._token is not None,
        )

    def is_allowed(
        self,
        action: str,
        resource: AnyResource,
        *,
        fulfilling: Collection[str] = (),
        timeout: float | None = None,
        **details: Unpack[Details],
    ) -> bool:
        """Whether the decision is an allow whose obligations the caller fulfils. It fails closed: a MagistrateError is
        logged and is a no."""
        try:
            return bool(self.check(action, resource, timeout=timeout, **details).fulfilling(*fulfilling))
        except MagistrateError as error:
            return denied_by(error, action, resource)

    def require(
        self,
        action: str,
        resource: AnyResource,
        *,
        fulfilling: Collection[str] = (),
        timeout: float | None = None,
        **details: Unpack[Details],
    ) -> Decision:
        """The decision, which is an allow whose obligations the caller fulfils; else Denied, or MagistrateError."""
        decision = self.check(action, resource, timeout=timeout, **details).fulfilling(*fulfilling)
        if not decision:
            raise Denied(decision)
        return decision

    def close(self) -> None:
        """Ends the connections; questions under way fail with Unavailable `CLIENT_CLOSED`. Safe to repeat."""
        self._closed.set()
        for channel in self._channels:
            channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Magistrate({self._endpoint.target!r})"

    def _dial(self, requests: Iterator[CheckRequest]) -> Answers:
        if self._closed.is_set():
            raise client_closed("")
        metadata = bearer(self._token()) if self._token else self._metadata
        return next(self._streams)(requests, metadata=traced(metadata))

    def _call(
        self,
        methods: "Iterator[grpc.UnaryUnaryMultiCallable[Asked, Answer]]",
        request: Asked,
        request_id: str,
        timeout: float | None,
    ) -> Answer | None:
        tries = Tries(self._retry, self._timeout if timeout is None else timeout)
        while True:
            if self._closed.is_set():
                raise client_closed(request_id)
            metadata = bearer(self._token()) if self._token else self._metadata
            try:
                return next(methods)(request, timeout=tries.left(), metadata=traced(metadata))
            except (grpc.RpcError, ValueError) as failure:
                # Closing ends calls with CANCELLED or a ValueError, which are this side's doing.
                if self._closed.is_set():
                    raise client_closed(request_id) from failure
                if not isinstance(failure, grpc.RpcError):
                    raise
                wait = tries.wait_after(error_from_failure(failure, request_id))
            self._closed.wait(wait)
