"""What a replica needs: memory of its processes, of what a worker remembers, and bytes of the record.

    python -m benchmarks.sizing [--quick] [--write]

A service with one worker is asked about ever more resources, then by ever more callers; what its worker has in memory
more is laid to what it remembers more. `--write` keeps the text and JSON in benchmarks/results.
"""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from sqlalchemy import text

from benchmarks.report import RESULTS, machine, versions
from benchmarks.scale import FULL, QUICK
from benchmarks.sides.asking import Ask, asking
from benchmarks.sides.body import Body, batch_body, check_body
from benchmarks.sides.dialect import BATCH, CHECK
from benchmarks.soaking.watch import memory_of, processes_of
from benchmarks.spooled import bytes_of, log_of, wait_until_shipped
from benchmarks.stage import Service, Stage
from benchmarks.world import ADDRESSES, Asked, World

MANY: Final = replace(FULL, world=World(users=10_000, documents=100_000))
FEW: Final = replace(QUICK, world=World(users=100, documents=1_000))
BATCH_SIZE: Final = 100
MOST_CALLERS: Final = 5_000
RECORDED: Final = 1_000
"""Checks by which the size of a record is taken."""
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes: of processes at rest, of what a worker remembers, of records."""

    command: str
    machine: str
    versions: dict[str, str]
    supervisor: int
    background: int
    worker: int
    resources: int
    resource: float
    callers: int
    caller: float
    spool_check: float
    spool_batched_check: float
    log_record: float


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, and keeps it if it is told to."""
    scale = FEW if "--quick" in arguments else MANY
    with (
        tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name,
        Stage(scale, Path(name)) as stage,
        stage.service(cache_entries="200000") as service,
    ):
        sizes = _measured(stage, service)
    said = "\n".join(lines(sizes))
    print(said)
    if "--write" in arguments:
        (RESULTS / "sizing.txt").write_text(said + "\n")
        (RESULTS / "sizing.json").write_text(json.dumps(asdict(sizes), indent=2) + "\n")


def _measured(stage: Stage, service: Service) -> Sizes:
    (worker,) = service.serving.workers()
    named = {name: pid for pid, name in processes_of(service.serving.pid).items()}
    world, address = stage.scale.world, service.serving.address
    callers = min(world.users, MOST_CALLERS)
    with asking(address, CHECK) as check, asking(address, BATCH) as batch:
        _ask_about(stage, batch, range(world.documents // BATCH_SIZE))
        at_rest = memory_of(worker)
        _ask_about(stage, batch, range(world.documents))
        with_resources = memory_of(worker)
        for user in range(callers):
            check(check_body(_asked(world, user, user), f"q{user}", stage.token(user)))
        with_callers = memory_of(worker)
        spool_check = _recorded(service, check, _singles(stage))
        spool_batched = _recorded(service, batch, _batches(stage, range(RECORDED))) / BATCH_SIZE
    log = log_of(service.folder)
    wait_until_shipped(service.folder, log)
    return Sizes(
        command="make sizing",
        machine=machine(),
        versions=versions(),
        supervisor=memory_of(service.serving.pid),
        background=memory_of(named["background process"]),
        worker=at_rest,
        resources=world.documents,
        resource=(with_resources - at_rest) / world.documents,
        callers=callers,
        caller=(with_callers - with_resources) / callers,
        spool_check=spool_check,
        spool_batched_check=spool_batched,
        log_record=_size_of_log(service.folder) / service.recorded(),
    )


def _ask_about(stage: Stage, ask: Ask, documents: range) -> None:
    for body in _batches(stage, documents):
        ask(body)


def _batches(stage: Stage, documents: range) -> Iterator[Body]:
    """Batches by one user about all of these."""
    world = stage.scale.world
    for start in range(documents.start, documents.stop, BATCH_SIZE):
        group = [_asked(world, 0, document) for document in range(start, min(start + BATCH_SIZE, documents.stop))]
        yield batch_body(group, f"b{start}", stage.token(0))


def _singles(stage: Stage) -> Iterator[Body]:
    for number in range(RECORDED):
        yield check_body(_asked(stage.scale.world, 0, number), f"q{number}", stage.token(0))


def _asked(world: World, user: int, document: int) -> Asked:
    return world.question(user, "read", document, ADDRESSES[0])


def _recorded(service: Service, ask: Ask, bodies: Iterator[Body]) -> float:
    """Bytes of the spool for each of the calls."""
    log, calls = log_of(service.folder), list(bodies)
    wait_until_shipped(service.folder, log)
    before, _ = bytes_of(service.folder, log)
    for body in calls:
        ask(body)
    return (bytes_of(service.folder, log)[0] - before) / len(calls)


def _size_of_log(folder: Path) -> int:
    """Bytes of the log on SQLite."""
    with log_of(folder).read() as connection:
        pages, size = (connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "page_size"))
    return int(pages) * int(size)


def lines(sizes: Sizes) -> list[str]:
    """The sizes as a person reads them."""
    return [
        f"sizing  {sizes.command}; {sizes.machine}",
        f"    {', '.join(f'{name} {which}' for name, which in sizes.versions.items())}",
        f"    {sizes.supervisor / _MIB:8.1f} MiB    the supervisor",
        f"    {sizes.background / _MIB:8.1f} MiB    the background process",
        f"    {sizes.worker / _MIB:8.1f} MiB    a worker, and beside that",
        f"    {sizes.resource:8,.0f} bytes  a resource in its memory, of {sizes.resources:,} with five attributes each",
        f"    {sizes.caller:8,.0f} bytes  a caller in its memory, of {sizes.callers:,}: token, attributes, roles",
        f"    {sizes.spool_check:8,.0f} bytes  a check in the spool",
        f"    {sizes.spool_batched_check:8,.0f} bytes  a check of a batch of {BATCH_SIZE} in the spool",
        f"    {sizes.log_record:8,.0f} bytes  a record in the log on SQLite, indexes and all",
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
