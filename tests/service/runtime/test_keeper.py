"""A program is kept running: its death is followed by a new start with the same message, and it ends when told."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from service.config import Settings
from service.errors import ConfigError
from service.runtime.boot import Boot, pack
from service.runtime.child import Program
from service.runtime.keeper import Keeper
from service.runtime.reports import Ready

CHILD = """
import os, signal, sys, threading
from pathlib import Path
from service.runtime.leash import Leash
from service.runtime.reports import Ready, Refused
leash = Leash.take()
kind, folder = leash.boot.settings.replica_id, leash.boot.settings.data
if kind == "refuses":
    leash.report(Refused("it may not"))
    sys.exit(1)
if kind == "dies":
    sys.exit(3)
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: None if kind == "deaf" else stop.set())
(folder / f"{os.getpid()}.started").write_text("".join(leash.boot.policies))
print("a stray line is no report")
leash.report(Ready(7))
stop.wait()
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    (tmp_path / "kept_child.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    return Program("child", "kept_child")


def message(kind: str, folder: Path) -> bytes:
    return pack(Boot(Settings(replica_id=kind, data=folder), {"the.policy": "text"}))


async def started(folder: Path, count: int) -> list[int]:
    async with asyncio.timeout(20):
        while len(found := sorted(folder.glob("*.started"), key=lambda path: path.stat().st_mtime_ns)) < count:
            await asyncio.sleep(0.01)
    return [int(path.stem) for path in found]


def test_a_child_that_dies_is_started_again_with_the_same_message(program: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        keeper = Keeper(program, message("stays", tmp_path))
        assert await keeper.start() == Ready(7)
        for deaths in (1, 2):
            os.kill((await started(tmp_path, deaths))[-1], signal.SIGKILL)
        last = (await started(tmp_path, 3))[-1]
        assert await keeper.stop(10)
        with pytest.raises(ProcessLookupError):
            os.kill(last, 0)

    asyncio.run(scenario())
    assert {path.read_text() for path in tmp_path.glob("*.started")} == {"the.policy"}


def test_a_child_that_does_not_stop_is_ended(program: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        keeper = Keeper(program, message("deaf", tmp_path))
        await keeper.start()
        assert not await keeper.stop(0.2)
        with pytest.raises(ProcessLookupError):
            os.kill((await started(tmp_path, 1))[0], 0)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("kind", "why"), [("refuses", "^it may not$"), ("dies", "^the child ended with exit code 3 before it was ready$")]
)
def test_a_child_that_does_not_start_says_why(program: Program, tmp_path: Path, kind: str, why: str) -> None:
    async def scenario() -> None:
        keeper = Keeper(program, message(kind, tmp_path))
        with pytest.raises(ConfigError, match=why):
            await keeper.start()
        await keeper.stop(10)

    asyncio.run(scenario())


def test_a_child_ends_when_its_parent_is_gone(program: Program, tmp_path: Path) -> None:
    async def scenario() -> int:
        keeper = Keeper(program, message("deaf", tmp_path))
        await keeper.start()
        pid = (await started(tmp_path, 1))[0]
        assert keeper._child is not None
        stdin = keeper._child._process.stdin
        assert stdin is not None
        stdin.close()  # as the kernel does when the parent ends, however it ends
        async with asyncio.timeout(2):
            await keeper._child.ended()
        await keeper.stop(10)
        return pid

    pid = asyncio.run(scenario())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
