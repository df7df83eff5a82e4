"""The record: what it costs before the answer, beside a bare write of the same bytes.

    python -m benchmarks.record [--quick]

The spool lies in the temporary folder.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from uuid_utils import uuid7

from policy_lang.decision import Effect
from policy_lang.values import Ref
from service.config import SpoolSettings
from service.decisions.frames import make_frame
from service.decisions.payload import encode_batch
from service.decisions.spool import Spool
from service.identity import ASSERTED, Evidence, EvidenceKind, Origin
from service.model import DecisionRecord, RecordKind

BATCH: Final = 50
PRINCIPALS: Final = 1_000
RESOURCES: Final = 10_000
_CALLER: Final = Evidence(EvidenceKind.TOKEN, "https://issuer.example", "8f14e45f-ceea-467f-a0e6-0d1f5c1b2a3c")


def record_of(number: int) -> DecisionRecord:
    """A decision of usual size, over as many principals and resources as performance.md asks for."""
    return DecisionRecord(
        id=str(uuid7()),
        kind=RecordKind.DECISION,
        time=time.time_ns() // 1_000_000,
        request_id=f"request-{number}",
        caller=Ref("magistrate.Service", "documents"),
        principal=Ref("User", f"user-{number % PRINCIPALS}"),
        action="edit",
        resource=Ref("Document", f"document-{number % RESOURCES}"),
        tenant=Ref("Tenant", f"tenant-{number % 10}"),
        effect=Effect.ALLOW,
        code="ALLOWED",
        rules=("documents.editors_edit",),
        missing=(),
        obligations=(),
        hide=False,
        shadow_effect=Effect.ALLOW,
        inputs={"principal.clearance": 2, "resource.owner": f"User:user-{number % 7}", "resource.state": "draft"},
        policy_digest="5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592",
        revision="7d1fe2a4.42",
        duration_us=118,
        tzdata="2026.1",
        origin=Origin("10.20.30.40", f"{number:032x}"),
        caller_evidence=_CALLER,
        principal_evidence=ASSERTED,
    )


def compare(folder: Path, batches: Sequence[Sequence[DecisionRecord]]) -> tuple[float, float]:
    """Median cost of recording one of the batches, and of writing the same bytes without more, in microseconds."""
    spool = Spool(folder / "compared", SpoolSettings())
    frames = [make_frame(encode_batch(batch)) for batch in batches]
    bare = os.open(folder / "bare", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    ours: list[int] = []
    theirs: list[int] = []
    for batch, frame in zip(batches, frames, strict=True):  # in turn, so that both meet the same machine
        started = time.perf_counter_ns()
        spool.record(batch)
        between = time.perf_counter_ns()
        os.write(bare, frame)
        theirs.append(time.perf_counter_ns() - between)
        ours.append(between - started)
    spool.close()
    os.close(bare)
    return median(ours) / 1000, median(theirs) / 1000


def main() -> None:
    """Prints each cost with the other side of its ratio."""
    rounds = 500 if "--quick" in sys.argv[1:] else 4_000
    print("record: before the answer, beside one os.write of the same bytes")
    with TemporaryDirectory() as name:
        folder = Path(name)
        for size, count in ((1, rounds), (BATCH, rounds // 10)):
            batches = [[record_of(number * size + place) for place in range(size)] for number in range(count)]
            ours, theirs = compare(folder, batches)
            print(
                f"  batch of {size:>3}: {ours:7.2f} µs, bare write {theirs:7.2f} µs, ratio {ours / theirs:4.2f};"
                f" {ours / size:5.2f} µs a decision"
            )


if __name__ == "__main__":
    main()
