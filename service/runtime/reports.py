"""What a child says to the supervisor, once, as a line of JSON: that it is ready, or why it refuses to start."""

from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Ready:
    """The child does its work; a worker says the port on which it answers, others 0."""

    port: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The child cannot start, and its restart would not help before an operator does."""

    why: str


Report = Ready | Refused


def write_report(report: Report) -> bytes:
    """The report's line."""
    match report:
        case Ready(port):
            return orjson.dumps({"ready": port}) + b"\n"
        case Refused(why):
            return orjson.dumps({"refused": why}) + b"\n"


def read_report(line: bytes) -> Report | None:
    """What a line says; None for a line cut short, which means that the child died before it had said anything."""
    if not line.endswith(b"\n"):
        return None
    fields = orjson.loads(line)
    return Ready(fields["ready"]) if "ready" in fields else Refused(fields["refused"])
