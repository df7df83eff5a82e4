"""Reads what a request is by its head: who presents what, where from, by which id, and of what its body is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from service.asking import Call
from service.doors.http.pages import UnknownEncoding
from service.errors import MESSAGE_BYTES, InvalidRequest, LimitExceeded, Violation
from service.identity import Origin
from service.reception.peers import Peers
from service.reception.reception import Arrival
from service.reception.tracing import trace_id_of

_JSON: Final = b"application/json"
_CHARSETS: Final = (b"charset=utf-8", b'charset="utf-8"')


@dataclass(slots=True)
class Head:
    """The headers that this door reads, each as it came; of the last of equal ones where one is meant to be."""

    credentials: tuple[str, ...] = field(default=(), repr=False)
    traces: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = ()
    request_id: bytes = b""
    content_type: bytes = b""
    content_encoding: bytes = b""
    content_length: bytes = b""


def read_head(headers: Iterable[tuple[bytes, bytes]]) -> Head:
    """The head of a request; names are in lower case (ASGI)."""
    head = Head()
    for name, value in headers:
        match name:
            case b"authorization":
                head.credentials = (*head.credentials, value.decode("latin-1"))
            case b"x-request-id":
                head.request_id = value
            case b"content-type":
                head.content_type = value
            case b"content-length":
                head.content_length = value
            case b"content-encoding":
                head.content_encoding = value
            case b"traceparent":
                head.traces = (*head.traces, value.decode("latin-1"))
            case b"tracestate":
                head.states = (*head.states, value.decode("latin-1"))
            case b"x-forwarded-for":
                head.forwarded = (*head.forwarded, value.decode("latin-1"))
    return head


def check_body(head: Head, most: int) -> None:
    """Returns where a body of JSON is announced; else InvalidRequest, UnknownEncoding or LimitExceeded."""
    if head.content_type != _JSON and not _is_json(head.content_type):
        raise InvalidRequest([Violation("Content-Type", "expected `application/json`, in UTF-8")])
    if head.content_encoding.strip().lower() not in (b"", b"identity"):
        raise UnknownEncoding("`Content-Encoding` is not understood: send the body as it is")
    if head.content_length.isdigit():
        check_length(int(head.content_length.lstrip(b"0") or b"0"), most)  # Python reads no number of 5,000 digits


def check_length(given: int, most: int) -> None:
    """LimitExceeded where a body is longer than that."""
    if given > most:
        raise LimitExceeded(MESSAGE_BYTES, most, given)


def call_of(
    head: Head, client: tuple[str, int] | None, rpc: str, *, peers: Peers, time_remaining: Callable[[], float]
) -> Call:
    """The call, for whom it is to be asked."""
    peer = _peer(client)
    origin = Origin(peers.address(peer, head.forwarded), trace_id_of(head.traces) if head.traces else "")
    arrival = Arrival(
        rpc,
        lambda: peers.who(peer, head.forwarded),
        head.credentials,
        origin=origin,
        traces=head.traces,
        states=head.states,
    )
    return Call(arrival, time_remaining)


def _is_json(content_type: bytes) -> bool:
    media, *parameters = (part.strip().lower() for part in content_type.split(b";"))
    return media == _JSON and all(each in _CHARSETS for each in parameters if each.startswith(b"charset"))


def _peer(client: tuple[str, int] | None) -> str:
    """Who is at the other end, as `Peers` reads it."""
    if client is None:
        return "unix:"
    host, port = client
    return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"
