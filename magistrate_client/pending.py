"""One question of a stream until it has its answer: what a line brings for it, and whether it is asked again.

Laws: an answer is for the question of its id alone; a stream that breaks costs no question more than a try; what must
not be repeated of a unary call is not repeated here either.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

import grpc
from magistrate.v1.authorization_pb2 import CheckRequest, CheckStreamResponse

from magistrate_client.answers import read_decision, unreadable
from magistrate_client.decision import Decision
from magistrate_client.errors import (
    ErrorDetails,
    FieldViolation,
    InvalidRequest,
    MagistrateError,
    Unauthenticated,
    Unavailable,
    is_closed,
)
from magistrate_client.retries import Tries
from magistrate_client.statuses import error_from_failure, error_from_status

AT_ONCE: Final = 64
"""Questions of one stream that are under way, unless its maker says otherwise: as many as a service takes."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The end of a line: why, and whether it had been good for anything before."""

    error: MagistrateError
    has_answered: bool


Brought = CheckStreamResponse | Broken
"""What a line brings for a question."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A question under way. `renews` says that another line would present another token."""

    request: CheckRequest
    tries: Tries
    renews: bool

    def decision(self, brought: Brought) -> Decision:
        """The decision that was brought; MagistrateError where none was."""
        request_id = self.request.request_id
        if isinstance(brought, Broken):
            raise _of_question(brought.error, request_id)
        if brought.HasField("response"):
            return read_decision(brought.response, request_id)
        if brought.HasField("error"):
            raise error_from_status(brought.error, request_id)
        raise unreadable("the answer is empty", request_id)

    def wait_after(self, error: MagistrateError, brought: Brought | None) -> float:
        """Seconds until it is asked again, after what was brought; raises the error where that is the last word."""
        if is_closed(error):
            raise error
        if isinstance(brought, Broken) and brought.has_answered and self.renews and isinstance(error, Unauthenticated):
            return 0.0  # the token was good when the line began, and has come to its end
        return self.tries.wait_after(error)


def error_of_end(failure: grpc.RpcError) -> MagistrateError:
    """Why a line has ended that failed.

    A write into a connection that just broke is INTERNAL to gRPC, by chance: a fault of the service says its reason.
    """
    error = error_from_failure(failure, "")
    if error.status is grpc.StatusCode.INTERNAL and not error.details.reason:
        return Unavailable(grpc.StatusCode.UNAVAILABLE, error.message, error.details)
    return error


def ended() -> Unavailable:
    """Why a line has ended that the service brought to an end in order: others are to be had."""
    return Unavailable(grpc.StatusCode.UNAVAILABLE, "the service ended the stream", ErrorDetails())


def refuse_twice(request_id: str, under_way: Collection[str]) -> None:
    """InvalidRequest for an id that a question under way has, or had when it was given up: its answer may yet come."""
    if request_id not in under_way:
        return
    violation = FieldViolation("request_id", "expected an id that no question under way on this stream has")
    details = ErrorDetails(reason="INVALID_REQUEST", violations=(violation,), request_id=request_id)
    raise InvalidRequest(grpc.StatusCode.INVALID_ARGUMENT, "the question cannot be asked", details)


def _of_question(error: MagistrateError, request_id: str) -> MagistrateError:
    """The error of a line, as that of one of its questions: each is raised by itself."""
    return type(error)(error.status, error.message, replace(error.details, request_id=request_id))
