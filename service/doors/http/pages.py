"""What the door answers with: a status, headers and a body; and the one table from errors to them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import orjson

from policy_lang.stages import stage
from policy_lang.types import Json
from service.doors.wording import FAULT, wording
from service.errors import (
    MESSAGE_BYTES,
    AuditUnavailable,
    DeadlineExceeded,
    FactsUnavailable,
    InvalidRequest,
    LimitExceeded,
    MagistrateError,
    NoPolicies,
    PermissionDenied,
    RateLimited,
    Unauthenticated,
    Violation,
)

Headers = tuple[tuple[bytes, bytes], ...]

JSON: Final = b"application/json"
TEXT: Final = b"text/plain; charset=utf-8"
NO_STORE: Final = (b"cache-control", b"no-store")


class UnknownEncoding(MagistrateError):
    """A body in a content coding, which this door does not undo."""

    reason = "UNKNOWN_ENCODING"


STATUS: Final[Mapping[type[MagistrateError], HTTPStatus]] = {
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    PermissionDenied: HTTPStatus.FORBIDDEN,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    LimitExceeded: HTTPStatus.BAD_REQUEST,
    UnknownEncoding: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    FactsUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    AuditUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    NoPolicies: HTTPStatus.SERVICE_UNAVAILABLE,
    DeadlineExceeded: HTTPStatus.GATEWAY_TIMEOUT,
}

_FIELDS: Final[Mapping[str, str]] = {
    "principal.attributes": "subject.properties",
    "principal": "subject",
    "resource.attributes": "resource.properties",
    "request_id": "X-Request-ID",
}
"""What AuthZEN calls the fields that the model has by other names."""


@stage
class Page:
    """What is answered."""

    status: int
    body: bytes
    headers: Headers


FAULT_PAGE: Final = Page(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    FAULT.encode(),
    ((b"content-type", TEXT), NO_STORE, (b"magistrate-reason", MagistrateError.reason.encode())),
)
"""A fault of the service; its log has the rest, by the id of the request."""


def json_page(content: Mapping[str, Json], *headers: tuple[bytes, bytes]) -> Page:
    """A page of JSON."""
    return Page(HTTPStatus.OK, orjson.dumps(content), ((b"content-type", JSON), *headers))


def error_page(error: MagistrateError) -> Page:
    """The error as callers see it: its body is a message, as AuthZEN has it; one that is not in the table says nothing.

    `magistrate-reason` says for programs what the message says for people.
    """
    headers = ((b"content-type", TEXT), NO_STORE, (b"magistrate-reason", error.reason.encode()), *_more(error))
    return Page(status_of(error), message_of(error).encode(), headers)


def write_error(error: MagistrateError) -> Json:
    """The error of one of several evaluations."""
    return {"status": int(status_of(error)), "reason": error.reason, "message": message_of(error)}


def status_of(error: MagistrateError) -> HTTPStatus:
    """The status of an error; of one that is not in the table, that of a fault."""
    if isinstance(error, LimitExceeded) and error.limit == MESSAGE_BYTES:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return STATUS.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)


def message_of(error: MagistrateError) -> str:
    """The error as callers read it, its fields by the names that they sent."""
    if type(error) not in STATUS:
        return FAULT
    if isinstance(error, InvalidRequest):
        named = [Violation(as_sent(each.field), each.message) for each in error.violations]
        return str(InvalidRequest(named, error.more))
    if isinstance(error, RateLimited) and error.limit not in str(error):
        return f"{error}: `{error.limit}`"
    return wording(error)


def as_sent(path: str) -> str:
    """The field by the name that AuthZEN has for it."""
    ours = next((ours for ours in _FIELDS if path == ours or path.startswith(f"{ours}.")), None)
    return path if ours is None else _FIELDS[ours] + path.removeprefix(ours)


def _more(error: MagistrateError) -> Headers:
    """What some errors say beside: how to be let in, when to come again, what is understood."""
    match error:
        case Unauthenticated():
            return ((b"www-authenticate", b'Bearer realm="magistrate"'),)
        case RateLimited(retry_ms=int() as retry_ms):
            return ((b"retry-after", str(-(-retry_ms // 1000)).encode()),)
        case UnknownEncoding():
            return ((b"accept-encoding", b"identity"),)
        case _:
            return ()
