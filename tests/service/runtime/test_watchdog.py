"""Who hangs is asked where it stands, and ended; who was never heard, or could not be heard, is not."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.runtime.child import Child, Program
from service.runtime.watchdog import Watchdog

SILENCE = 30.0
HANGING = """
import threading
def main():
    print("here", flush=True) or threading.Event().wait()
"""


@dataclass
class Kept:
    program: Program
    present: Child | None


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def hanging(folder: Path) -> AsyncIterator[tuple[Kept, Child, Process]]:
    """A process that says nothing, started as all children are."""
    (folder / "hanging.py").write_text(HANGING)
    path = os.pathsep.join([str(folder), *sys.path])
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "service.runtime.starting", "hanging",
        stdout=PIPE, stderr=PIPE, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert process.stdout is not None
    assert await process.stdout.readline() == b"here\n"
    child = Child(Program("child", "hanging"), process)
    yield Kept(child.program, child), child, process
    await child.stop(0)


def test_who_hangs_says_where_it_stands_and_is_ended(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with hanging(tmp_path) as (kept, child, process):
            clock = Clock()
            dog = Watchdog([kept], SILENCE, clock)
            dog.spoke(child)
            clock.now += SILENCE
            dog.look()
            assert process.stderr is not None
            assert b"most recent call first" in await process.stderr.readline()
            await process.stderr.readuntil(b'hanging.py", line 4 in main')
            assert process.returncode is None
            dog.look()
            assert await child.ended() == -signal.SIGKILL
            assert dog.hung == {"child": 1}

    asyncio.run(scenario())


@pytest.mark.parametrize("spoken", [True, False], ids=["lately", "never"])
def test_who_spoke_lately_or_never_is_left(tmp_path: Path, *, spoken: bool) -> None:
    async def scenario() -> None:
        async with hanging(tmp_path) as (kept, child, _):
            clock = Clock()
            dog = Watchdog([kept], SILENCE, clock)
            clock.now += SILENCE
            if spoken:
                dog.spoke(child)
                clock.now += SILENCE - 1.0
            dog.look()
            assert dog.hung == {"child": 0}

    asyncio.run(scenario())


def test_a_supervisor_that_was_held_up_hears_before_it_judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.runtime.watchdog.TURN_SECONDS", 0.01)

    async def scenario() -> None:
        async with hanging(tmp_path) as (kept, child, _):
            times, judged = iter([0.0, 0.0, 2 * SILENCE]), asyncio.Event()

            def clock() -> float:
                """It stands still, but for a leap while the first turn was waited for; then the child is heard."""
                now = next(times, None)
                if now is None:
                    now = 2 * SILENCE
                    judged.set()
                elif now:
                    asyncio.get_running_loop().call_soon(dog.spoke, child)
                return now

            dog = Watchdog([kept], SILENCE, clock)
            dog.spoke(child)
            running = asyncio.create_task(dog.run())
            await judged.wait()
            await asyncio.sleep(0.05)
            running.cancel()
            assert dog.hung == {"child": 0}

    asyncio.run(scenario())
