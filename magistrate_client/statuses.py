"""Translates statuses, and the google.rpc details with them, into this client's exceptions."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final, cast

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from magistrate_client.errors import (
    DeadlineExceeded,
    ErrorDetails,
    FieldViolation,
    InvalidRequest,
    LimitReached,
    MagistrateError,
    NotFresh,
    PermissionDenied,
    ServiceFault,
    Unauthenticated,
    Unavailable,
)

ERRORS: Final[Mapping[grpc.StatusCode, type[MagistrateError]]] = {
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.RESOURCE_EXHAUSTED: LimitReached,
    grpc.StatusCode.FAILED_PRECONDITION: NotFresh,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
}
"""What each status is to a caller; every other is a ServiceFault."""

_DOMAIN: Final = "magistrate"
_DETAILS_KEY: Final = "grpc-status-details-bin"
_CODES: Final[Mapping[int, grpc.StatusCode]] = {code.value[0]: code for code in grpc.StatusCode}


def error_from_failure(failure: grpc.RpcError, request_id: str) -> MagistrateError:
    """The exception for a call that failed; details that cannot be read are left out."""
    # The stubs give two unlike types to what is pairs of key and value in both kinds of channel.
    trailing = cast("Iterable[tuple[str, str | bytes]] | None", failure.trailing_metadata())
    status = status_pb2.Status()
    for key, value in trailing or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            status = _parsed(value)
    return _error(failure.code(), failure.details() or status.message, _details(status, request_id))


def error_from_status(status: status_pb2.Status, request_id: str) -> MagistrateError:
    """The exception for one item of a batch; OK and unknown codes are faults of the service."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    if code is grpc.StatusCode.OK:
        code = grpc.StatusCode.UNKNOWN
    return _error(code, status.message, _details(status, request_id))


def _error(code: grpc.StatusCode, message: str, details: ErrorDetails) -> MagistrateError:
    return ERRORS.get(code, ServiceFault)(code, message, details)


def _parsed(serialized: bytes) -> status_pb2.Status:
    try:
        return status_pb2.Status.FromString(serialized)
    except DecodeError:
        return status_pb2.Status()


def _details(status: status_pb2.Status, request_id: str) -> ErrorDetails:
    info, bad_request, retry = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RetryInfo(),
    )
    for detail in status.details:
        for message in (info, bad_request, retry):
            _unpack(detail, message)
    is_ours = info.domain == _DOMAIN
    return ErrorDetails(
        reason=info.reason if is_ours else "",
        metadata=dict(info.metadata) if is_ours else {},
        violations=tuple(FieldViolation(each.field, each.description) for each in bad_request.field_violations),
        retry_after=_seconds(retry),
        request_id=request_id,
    )


def _unpack(detail: any_pb2.Any, message: Message) -> None:
    # A detail that cannot be read must not hide the status that it came with.
    with suppress(DecodeError):
        detail.Unpack(message)


def _seconds(retry: error_details_pb2.RetryInfo) -> float | None:
    if not retry.HasField("retry_delay"):
        return None
    return max(0.0, retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9)
