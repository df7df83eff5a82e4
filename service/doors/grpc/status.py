"""The one table from errors to gRPC statuses, and the details that each carries."""

from collections.abc import Mapping
from typing import Final

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from service.doors.wording import FAULT, is_generic, wording
from service.errors import (
    MESSAGE_BYTES,
    ActivationFailed,
    ActivationUnderWay,
    AuditUnavailable,
    BundleRefused,
    ChangesGone,
    DataError,
    DeadlineExceeded,
    EntityChanged,
    FactsUnavailable,
    InvalidRequest,
    LimitExceeded,
    LogUnavailable,
    MagistrateError,
    NoPolicies,
    NotConfigured,
    NotFound,
    PermissionDenied,
    RateLimited,
    RevisionNotReached,
    RevisionUnknown,
    ScanLimitReached,
    Unauthenticated,
)

ACTIVATION_SECONDS: Final = 1
"""After so many it is worth asking again what an activation was in the way of."""
DOMAIN: Final = "magistrate"
"""`ErrorInfo.domain` of every error."""

STATUS: Final[Mapping[type[MagistrateError], StatusCode]] = {
    Unauthenticated: StatusCode.UNAUTHENTICATED,
    PermissionDenied: StatusCode.PERMISSION_DENIED,
    RateLimited: StatusCode.RESOURCE_EXHAUSTED,
    InvalidRequest: StatusCode.INVALID_ARGUMENT,
    LimitExceeded: StatusCode.INVALID_ARGUMENT,
    FactsUnavailable: StatusCode.UNAVAILABLE,
    LogUnavailable: StatusCode.UNAVAILABLE,
    ScanLimitReached: StatusCode.RESOURCE_EXHAUSTED,
    AuditUnavailable: StatusCode.UNAVAILABLE,
    NoPolicies: StatusCode.UNAVAILABLE,
    DeadlineExceeded: StatusCode.DEADLINE_EXCEEDED,
    BundleRefused: StatusCode.FAILED_PRECONDITION,
    ActivationUnderWay: StatusCode.ABORTED,
    ActivationFailed: StatusCode.ABORTED,
    DataError: StatusCode.INVALID_ARGUMENT,
    NotFound: StatusCode.NOT_FOUND,
    NotConfigured: StatusCode.FAILED_PRECONDITION,
    EntityChanged: StatusCode.FAILED_PRECONDITION,
    RevisionUnknown: StatusCode.FAILED_PRECONDITION,
    ChangesGone: StatusCode.FAILED_PRECONDITION,
    RevisionNotReached: StatusCode.FAILED_PRECONDITION,
}


def status_of(error: MagistrateError, request_id: str = "") -> Status:
    """The error as callers see it; one that is not in the table is INTERNAL and says nothing.

    Whoever is not told why gets the id under which the service's log has it.
    """
    code = STATUS.get(type(error))
    if isinstance(error, LimitExceeded) and error.limit == MESSAGE_BYTES:
        code = StatusCode.RESOURCE_EXHAUSTED  # which gRPC itself answers to what is longer still
    if code is None:
        return internal_status(request_id)
    details = [ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=_metadata(error, request_id)), *_more(error)]
    return Status(code=code.value[0], message=wording(error), details=[_packed(detail) for detail in details])


def internal_status(request_id: str) -> Status:
    """The status of a fault of the service; its log has the rest under the request id."""
    info = ErrorInfo(reason=MagistrateError.reason, domain=DOMAIN, metadata={"request_id": request_id})
    return Status(code=StatusCode.INTERNAL.value[0], message=FAULT, details=[_packed(info)])


def _metadata(error: MagistrateError, request_id: str) -> dict[str, str]:
    match error:
        case PermissionDenied():
            return {"permission": error.permission}
        case RateLimited():
            return {"limit": error.limit}
        case LimitExceeded():
            return {"limit": error.limit, "value": str(error.allowed)}
        case ScanLimitReached():
            told = {"limit": error.limit, "value": str(error.allowed), "reached": error.reached}
            return {**told, "page_token": error.go_on}
        case _ if request_id and is_generic(error):
            return {"request_id": request_id}
        case _:
            return {}


def _more(error: MagistrateError) -> list[Message]:
    """What some errors say beside their reason: the fields that are wrong, or when to come again."""
    match error:
        case InvalidRequest():
            faults = [
                BadRequest.FieldViolation(field=each.field, description=each.message) for each in error.violations
            ]
            return [BadRequest(field_violations=faults)]
        case RateLimited(retry_ms=int() as retry_ms):
            return [RetryInfo(retry_delay=Duration(seconds=retry_ms // 1000, nanos=retry_ms % 1000 * 1_000_000))]
        case ActivationUnderWay():
            return [RetryInfo(retry_delay=Duration(seconds=ACTIVATION_SECONDS))]
        case _:
            return []


def _packed(detail: Message) -> Any:
    packed = Any()
    packed.Pack(detail)
    return packed
