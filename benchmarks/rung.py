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
from bisect import bisect_left
from collections import Counter
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
_BOUNDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)
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


def _find_facts_and_decide() -> Step:
    rows: dict[tuple[str, str], tuple[str, str, bool, int]] = {}
    roles: dict[str, frozenset[str]] = {}

    def decide(request: CheckRequest, _: Context) -> None:
        action, resource = request.action, request.resource
        tenant, owner, is_archived, level = rows.setdefault((resource.type, resource.id), ("t1", "u1", False, 3))
        held = roles.setdefault(owner, frozenset({"read", "edit"}))
        holding = {
            "by_role": action in held,
            "owner": owner == tenant,
            "read_public": action == "read" and level == 0,
            "edit_own": action == "edit" and owner == tenant,
            "no_archived": is_archived and action != "read",
            "no_secret": level > 4,
            "no_strangers": not held,
        }
        [rule for rule, holds in holding.items() if holds]

    return decide


def _count() -> Step:
    counted: Counter[tuple[str, str]] = Counter()
    buckets = [0] * (len(_BOUNDS) + 1)

    def count(request: CheckRequest, _: Context) -> None:
        began = time.perf_counter()
        counted["Check", request.action] += 1
        buckets[bisect_left(_BOUNDS, time.perf_counter() - began)] += 1

    return count


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
    ("looks up its facts and tries seven rules", _find_facts_and_decide),
    ("writes the record: JSON, a checksum, one write", _write_record),
    ("counts the call and how long it took", _count),
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
