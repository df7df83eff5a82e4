"""Asks one body after the other over a connection that is kept, and judges every answer: what h2load cannot do."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import grpc

from benchmarks.sides.body import Body, framed, unframed
from benchmarks.sides.dialect import Dialect

PATIENCE: Final = 30.0


class Ask(Protocol):
    """Asks, judges, and returns the answer as it came in DATA or in the body."""

    def __call__(self, body: Body) -> bytes: ...


@contextmanager
def asking(address: str, dialect: Dialect) -> Iterator[Ask]:
    """One connection of that dialect."""
    with _grpc(address, dialect) if dialect.is_grpc else _http(address, dialect) as ask:
        yield ask


@contextmanager
def _grpc(address: str, dialect: Dialect) -> Iterator[Ask]:
    with grpc.insecure_channel(address) as channel:
        # A unary call is on the wire what a stream of one message is.
        call = channel.stream_stream(dialect.path, _as_it_is, _as_it_is)

        def ask(body: Body) -> bytes:
            metadata = (("authorization", f"Bearer {body.token}"),) if body.token else ()
            answered = framed(call(unframed(body.payload), metadata=metadata, timeout=PATIENCE))
            dialect.judge(body, answered)
            return answered

        yield ask


@contextmanager
def _http(address: str, dialect: Dialect) -> Iterator[Ask]:
    connection = http.client.HTTPConnection(address, timeout=PATIENCE)

    def ask(body: Body) -> bytes:
        credential = {"authorization": f"Bearer {body.token}"} if body.token else {}
        connection.request("POST", dialect.path, body.payload, dict(dialect.headers) | credential)
        response = connection.getresponse()
        answered = response.read()
        assert response.status == 200, f"{body.request_id}: {response.status}, {answered!r}"
        dialect.judge(body, answered)
        return answered

    try:
        yield ask
    finally:
        connection.close()


def _as_it_is(message: bytes) -> bytes:
    return message
