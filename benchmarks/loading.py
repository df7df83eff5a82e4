"""What loading, reloading and keeping many rules costs: by the service's own holder, and in processes of their own."""

import asyncio
import gc
import resource
import time
import tracemalloc
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

from benchmarks.decision import texts_of
from policy_lang import loading
from policy_lang.bundle import Bundle
from policy_lang.compiler import Compiled
from policy_lang.facts import Facts
from policy_lang.image import write_image
from service.policies.holder import PolicyHolder

Result = TypeVar("Result")

BURST: Final = 100
LOADS: Final = 3
FEW: Final = 10


@dataclass(frozen=True, slots=True)
class Loaded:
    """Seconds to read and check the texts, and to compile what they say, by the clock and of a core."""

    load_s: float
    compile_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a reload beside deciding came to.

    `build_s` is what a process of its own took to build the image, `take_up_s` what the deciding one took to load it,
    `longest_pause_ms` the longest that no decision was made meanwhile.
    """

    build_s: float
    take_up_s: float
    longest_pause_ms: float
    decisions: int
    alone_us: float
    beside_us: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of a rule: of Python objects by tracemalloc, and of the process by its RSS."""

    objects: float
    process: float


def loaded(count: int) -> Loaded:
    """Measures loading so many rules, each time in a process of its own: the quickest, as other work only adds."""
    runs = []
    for _ in range(LOADS):
        with _process() as pool:
            runs.append(pool.submit(_load, count).result())
    return min(runs, key=lambda run: run.load_s + run.compile_s)


def reloaded(count: int, facts: Sequence[Facts]) -> Reloaded:
    """Measures a reload of so many rules while these facts are decided on."""
    return asyncio.run(_reload(count, facts))


def memory(count: int) -> Memory:
    """Measures what a rule takes, each time in a process of its own: that of many less that of few."""
    found = []
    for measure in (_objects, _resident):
        sizes = []
        for number in (FEW, count):
            with _process() as pool:
                sizes.append(pool.submit(measure, number).result())
        found.append((sizes[1] - sizes[0]) / (count - FEW))
    return Memory(*found)


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def _load(count: int) -> Loaded:
    texts = texts_of(count)
    started, cpu = time.perf_counter(), time.process_time()
    read = loading.load(texts)
    between = time.perf_counter()
    Compiled(read.program)
    return Loaded(between - started, time.perf_counter() - between, time.process_time() - cpu)


def _built(count: int) -> tuple[str, bytes, float]:
    """As the background process builds it: digest, image, seconds."""
    texts = texts_of(count)
    started = time.perf_counter()
    read = loading.load(texts)
    image = write_image(read, Compiled(read.program))
    return read.digest, image, time.perf_counter() - started


def _objects(count: int) -> int:
    texts = texts_of(count)
    tracemalloc.start()
    kept = _kept(texts)
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    del kept
    return size


def _resident(count: int) -> int:
    """Bytes of the process that are in memory, as Linux tells it."""
    kept = _kept(texts_of(count))
    gc.collect()
    size = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    del kept
    return size


def _kept(texts: dict[str, str]) -> tuple[Bundle, Compiled]:
    read = loading.load(texts)
    return read, Compiled(read.program)


async def _reload(count: int, facts: Sequence[Facts]) -> Reloaded:
    loop = asyncio.get_running_loop()
    holder = PolicyHolder()
    deciding = _Deciding(holder, facts)
    with _process() as pool:
        digest, image, _ = await loop.run_in_executor(pool, _built, FEW)
        await holder.prepare(digest, image)
        holder.activate(digest)
        alone = await deciding.until(asyncio.ensure_future(asyncio.sleep(1)))
        building = asyncio.ensure_future(loop.run_in_executor(pool, _built, count))
        beside = await deciding.until(building)
        digest, image, build_s = building.result()
    started = time.perf_counter()
    taking = await deciding.until(asyncio.ensure_future(holder.prepare(digest, image)))
    take_up_s = time.perf_counter() - started
    holder.activate(digest)
    await deciding.until(asyncio.ensure_future(asyncio.sleep(0)))
    return Reloaded(
        build_s=build_s,
        take_up_s=take_up_s,
        longest_pause_ms=max(beside.longest_pause_ms, taking.longest_pause_ms),
        decisions=beside.decisions + taking.decisions,
        alone_us=alone.median_us,
        beside_us=beside.median_us,
    )


@dataclass(slots=True)
class _Pace:
    bursts: list[float] = field(default_factory=list)
    longest_pause_ms: float = 0.0

    @property
    def decisions(self) -> int:
        return len(self.bursts) * BURST

    @property
    def median_us(self) -> float:
        return median(self.bursts) / BURST * 1e6


class _Deciding:
    """Decides on, by whatever policies are in force, in bursts that the loop comes between."""

    def __init__(self, holder: PolicyHolder, facts: Sequence[Facts]) -> None:
        self._holder = holder
        self._bursts = [facts[at : at + BURST] for at in range(0, len(facts) - BURST + 1, BURST)]

    async def until(self, done: "asyncio.Future[Result]") -> _Pace:
        pace = _Pace()
        last = time.perf_counter()
        while not done.done():
            for burst in self._bursts:
                decide = self._holder.active().compiled.decide
                started = time.perf_counter()
                for facts in burst:
                    decide(facts)
                ended = time.perf_counter()
                pace.bursts.append(ended - started)
                pace.longest_pause_ms = max(pace.longest_pause_ms, (started - last) * 1000)
                last = ended
                await asyncio.sleep(0)
                if done.done():
                    break
        return pace
