"""Where the time of a worker goes under load: samples of what holds its interpreter, by part of the code.

    python -m benchmarks.profiling [--quick] [--write]

It needs py-spy (`pip install py-spy`), which looks at the worker from outside. What gRPC, protobuf and the event loop
do in C is one part: a bare echo spends that too. Time in the kernel, such as the record's one write, holds no
interpreter and is not seen here. `--write` keeps the text in benchmarks/results.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.numbers.sides import OURS, batches, checks, evaluations, streams
from benchmarks.report import RESULTS, machine, versions
from benchmarks.scale import FULL, QUICK
from benchmarks.sides.dialect import BATCH, CHECK, EVALUATION, STREAM
from benchmarks.sides.side import REPEATED, Side
from benchmarks.stage import Stage

SECONDS: Final = 8.0
QUICK_SECONDS: Final = 1.0
HERTZ: Final = 250
BATCH_SIZE: Final = 50
PARTS: Final[Mapping[str, str]] = {
    "the record: made, encoded, written": r"service/(decisions|recording)/",
    "who calls: token, limits, revocations": r"service/(authn|reception|revocations|governance)/",
    "facts from the cache": r"service/(entities|feed)/|policy_lang/gather",
    "the door: messages read and filled": r"service/doors/",
    "the question held to its form and types": r"service/(admission|questions)|policy_lang/(forms|types|values)",
    "the decision": r"policy_lang/|<rules>",
    "the way between these": r"service/",
}
"""The parts, by the innermost frame that is ours; the first that fits."""
OTHER: Final = "gRPC, protobuf, HTTP, asyncio"


def main(arguments: Sequence[str]) -> None:
    """Profiles each sort of call, prints, and keeps the text if it is told to."""
    spy = shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if spy is None:
        raise SystemExit("py-spy is not here\nhelp: pip install py-spy")
    is_quick = "--quick" in arguments
    seconds = QUICK_SECONDS if is_quick else SECONDS
    lines = [f"profiling  python -m benchmarks.profiling; {machine()}, Python {versions()['Python']}"]
    with (
        tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name,
        Stage(QUICK if is_quick else FULL, Path(name)) as stage,
    ):
        for what, side in _sides(stage).items():
            lines += _lines(what, _parts(_samples(spy, stage, side, seconds)))
    print("\n".join(lines))
    if "--write" in arguments:
        (RESULTS / "profiling.txt").write_text("\n".join(lines) + "\n")


def _sides(stage: Stage) -> dict[str, Side]:
    service, scale = stage.one_worker, stage.scale
    groups = scale.world.groups(REPEATED, scale.stream)
    return {
        "Check": service.side(OURS, CHECK, checks(stage)),
        "BatchCheck of 50": service.side(OURS, BATCH, batches(stage, stage.groups(BATCH_SIZE)), BATCH_SIZE),
        "CheckStream": replace(service.side(OURS, STREAM, streams(stage, groups), scale.stream), in_flight=1),
        "AuthZEN over HTTP": service.http_side(OURS, EVALUATION, evaluations(stage)),
    }


def _samples(spy: str, stage: Stage, side: Side, seconds: float) -> str:
    """The stacks that held the interpreter, as py-spy writes them: frames, outermost first, and how often."""
    file = stage.folder / "profile.raw"
    (worker,) = side.servers
    command = (
        spy, "record", "--pid", str(worker), "--duration", str(round(seconds)), "--rate", str(HERTZ),
        "--gil", "--format", "raw", "--output", str(file),
    )  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as it:
        stage.in_turn([side], 1, seconds)
    if it.returncode != 0:
        raise SystemExit("py-spy may not look at the worker\nhelp: run it as the owner of the process, or as root")
    return file.read_text()


def _parts(samples: str) -> Counter[str]:
    parts: Counter[str] = Counter()
    for line in samples.splitlines():
        stack, _, times = line.rpartition(" ")
        parts[_part(stack.split(";"))] += int(times)
    return parts


def _part(frames: Sequence[str]) -> str:
    for frame in reversed(frames):
        for part, pattern in PARTS.items():
            if re.search(pattern, frame):
                # The loop's own entry is ours by name alone: what runs in it, in C, is not.
                return OTHER if "runtime/" in frame else part
    return OTHER


def _lines(what: str, parts: Counter[str]) -> Iterator[str]:
    yield f"  {what}"
    for part, times in parts.most_common():
        yield f"    {times / parts.total():6.1%}  {part}"


if __name__ == "__main__":
    main(sys.argv[1:])
