"""Load by h2load, one process a body, while questions of all sorts are asked beside and judged.

h2load sends one body over and over, and takes a gRPC error for a success. So each body is asked first and its answer
judged; whatever h2load got must then be as long as that answer, which no error is: an error comes without a message.
"""

import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Final

from benchmarks.sides.asking import asking
from benchmarks.sides.body import Body
from benchmarks.sides.side import IN_FLIGHT, REPEATED, Round, Side, cpu_seconds

NAME: Final = "h2load"
BESIDE_SECONDS: Final = 0.02
"""The pause between two questions that are asked beside."""
WARM_SECONDS: Final = 0.5
_SHORTER: Final = 0.9
"""An answer is never shorter than so much of the first one: numbers in it may take a byte or two less."""


def is_here() -> bool:
    """Whether h2load is installed."""
    return shutil.which(NAME) is not None


@dataclass(frozen=True, slots=True)
class _Said:
    """What one h2load printed: requests a second, those that succeeded, and bytes of their answers."""

    rate: float
    succeeded: int
    failed: int
    data: int


def drive(side: Side, seconds: float, folder: Path) -> Round:
    """One round of load; AssertionError where an answer is wrong."""
    with asking(side.address, side.dialect) as ask:
        sizes = [len(ask(body)) for body in side.repeated]
        started = [_start(side, body, seconds, folder / f"body-{number}") for number, body in enumerate(side.repeated)]
        time.sleep(WARM_SECONDS)
        before, began = cpu_seconds(side.servers), time.perf_counter()
        for body in cycle(side.bodies):
            ask(body)
            if time.perf_counter() - began >= seconds - BESIDE_SECONDS:
                break
            time.sleep(BESIDE_SECONDS)
        cpu, lasted = cpu_seconds(side.servers) - before, time.perf_counter() - began
    said = [_read(each) for each in started]
    for one, size in zip(said, sizes, strict=True):
        assert one.failed == 0, f"{side.name}: {one.failed} calls failed"
        assert one.data >= one.succeeded * size * _SHORTER, f"{side.name}: answers are shorter than they ought to be"
    rate = sum(one.rate for one in said) * side.checks
    assert rate, f"{side.name}: no call ended within {seconds} s"
    return Round(rate=rate, cpu=cpu / lasted / rate * 1e6)


def _start(side: Side, body: Body, seconds: float, file: Path) -> "subprocess.Popen[str]":
    file.write_bytes(body.payload)
    headers = [*side.dialect.headers, *((("authorization", f"Bearer {body.token}"),) if body.token else ())]
    connections = ("-c1", f"-m{side.in_flight}") if side.dialect.is_grpc else ("--h1", f"-c{side.in_flight}", "-m1")
    command = [
        NAME, *connections, "-t1", f"--duration={round(seconds * 1000)}ms",
        f"--warm-up-time={round(WARM_SECONDS * 1000)}ms", f"--data={file}",
        *(part for name, value in headers for part in ("-H", f"{name}: {value}")),
        f"http://{side.address}{side.dialect.path}",
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _read(process: "subprocess.Popen[str]") -> _Said:
    printed, _ = process.communicate(timeout=60)
    finished = re.search(r"finished in \S+, (\S+) req/s", printed)
    done = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", printed)
    data = re.search(r"\((\d+)\) data", printed)
    if not (finished and done and data):
        raise SystemExit(f"{NAME} says\n{printed}")
    return _Said(float(finished[1]), int(done[1]), int(done[2]) + int(done[3]), int(data[1]))


def driver() -> str:
    """What is said of the load."""
    version = subprocess.run((NAME, "--version"), capture_output=True, text=True, check=True).stdout.split()[-1]
    return f"h2load {version}, {REPEATED} of them with a body each, {IN_FLIGHT} calls in flight of each"
