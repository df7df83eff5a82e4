"""A side in a file, for a process of load to read."""

from base64 import b64decode, b64encode
from dataclasses import asdict
from pathlib import Path

import orjson

from benchmarks.cerbos.asking import GRPC_PATH, HTTP, HTTP_PATH, Messages
from benchmarks.sides.body import Body
from benchmarks.sides.dialect import OURS, Dialect
from benchmarks.sides.side import Side


def write_side(path: Path, side: Side) -> None:
    """Writes the side."""
    head = {
        "name": side.name, "address": side.address, "path": side.dialect.path, "servers": side.servers,
        "checks": side.checks,
    }  # fmt: skip
    bodies = (asdict(each) | {"payload": b64encode(each.payload).decode()} for each in side.bodies)
    path.write_bytes(b"\n".join(map(orjson.dumps, (head, *bodies))))


def read_side(path: Path) -> Side:
    """The side that was written."""
    head, *bodies = map(orjson.loads, path.read_bytes().splitlines())
    dialect = _dialect(head.pop("path"), head["address"])
    read = [
        Body(b64decode(each["payload"]), each["token"], each["request_id"], tuple(each["allowed"])) for each in bodies
    ]
    return Side(dialect=dialect, bodies=read, **head)


def _dialect(path: str, address: str) -> Dialect:
    if path == GRPC_PATH:
        return Messages(address).dialect()
    return HTTP if path == HTTP_PATH else OURS[path]
