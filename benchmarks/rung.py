"""One rung of the ladder: the bare echo, and of what every check must do only the first so many steps.

    python -m benchmarks.rung STEPS

A step is as short as it can be written in Python; what it finds is thrown away.
"""

import hashlib
import os
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Final
from zlib import crc32

import grpc
import orjson
import uvloop
from magistrate.v1.authorization_pb2 import CheckRequest, CheckResponse

from benchmarks.echo import answer_of

Context = grpc.aio.ServicerContext[CheckRequest, CheckResponse]
Step = Callable[[CheckRequest, Context], None]

_HEAD: Final = struct.Struct("<II")
_NAMES: Final = tuple(f"a value of usual length {number}" for number in range(24))


def _read_call(_: CheckRequest, context: Context) -> None:
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            str(value)
    context.peer()
    context.time_remaining()


def _find_credential() -> Step:
    remembered: dict[bytes, float] = {}

    def find(_: CheckRequest, context: Context) -> None:
        for key, value in context.invocation_metadata() or ():
            if key == "authorization" and isinstance(value, str):
                digest = hashlib.sha256(value.encode()).digest()
                remembered[digest] = remembered.get(digest, 0.0) + time.monotonic()

    return find


def _read_question(request: CheckRequest, _: Context) -> None:
    resource = request.resource
    (request.request_id, request.action, request.WhichOneof("subject"), resource.type, resource.id)
    (len(resource.attributes), len(resource.parents), request.HasField("consistency"))
    for value in request.context.values():
        getattr(value, value.WhichOneof("kind") or "bool_value")


def _write_record() -> Step:
    record = tempfile.TemporaryFile("ab", buffering=0)  # noqa: SIM115  # open as long as the process is

    def write(request: CheckRequest, _: Context) -> None:
        payload = orjson.dumps([[3, time.time_ns(), request.request_id, *_NAMES]])
        os.write(record.fileno(), _HEAD.pack(len(payload), crc32(payload)) + payload)

    return write


STEPS: Final[tuple[tuple[str, Callable[[], Step]], ...]] = (
    ("reads metadata, peer and deadline", lambda: _read_call),
    ("finds the credential by its digest", _find_credential),
    ("reads the question's fields", lambda: _read_question),
    ("writes the record: JSON, a checksum, one write", _write_record),
)
"""What is added from rung to rung."""


async def _serve(rung: int) -> None:
    # Who looks for the credential has read the metadata before.
    made = [make() for name, make in STEPS[:rung] if rung < 2 or make is not STEPS[0][1]]

    async def check(request: CheckRequest, context: Context) -> CheckResponse:
        for step in made:
            step(request, context)
        return answer_of(request)

    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(
        check, request_deserializer=CheckRequest.FromString, response_serializer=CheckResponse.SerializeToString
    )
    service = "magistrate.v1.AuthorizationService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Check": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"serving on 127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
