"""A program is kept running: its death is followed by a new start with the same message, and it ends when told."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from service.config import Settings
from service.errors import ConfigError
from service.runtime.child import Child, Program
from service.runtime.keeper import FIRST_PAUSE, Keeper
from service.runtime.messages import Boot, Message, Ready

CHILD = """
import os, signal, threading
from service.runtime.leash import Leash
from service.runtime.messages import Ready, Refused
def main():
    leash = Leash.take()
    leash.listen(lambda message: None)
    kind, folder = leash.settings.replica_id, leash.settings.data
    if kind == "refuses" or (kind == "refuses-later" and list(folder.glob("*.started"))):
        leash.report(Refused("it may not"))
        return 1
    if kind == "dies":
        return 3
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: None if kind == "deaf" else stop.set())
    if kind == "slow-later" and list(folder.glob("*.started")):
        stop.wait()
        return 0
    (folder / f"{os.getpid()}.started").touch()
    print("a stray line is no message")
    leash.report(Ready(7))
    stop.wait()
    return 0
"""


class Heard:
    """Notes what it is told of a program's processes."""

    def __init__(self) -> None:
        self.living: list[int] = []
        self.said: list[tuple[int, Message]] = []

    def joined(self, child: Child) -> None:
        self.living.append(child.pid)

    def heard(self, child: Child, message: Message) -> None:
        self.said.append((child.pid, message))

    def left(self, child: Child) -> None:
        self.living.remove(child.pid)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    (tmp_path / "kept_child.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    return Program("child", "kept_child")


def boot(kind: str, folder: Path) -> asyncio.Future[Boot]:
    known = asyncio.get_running_loop().create_future()
    known.set_result(Boot(Settings(replica_id=kind, data=folder)))
    return known


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def started(folder: Path, count: int) -> list[int]:
    async with asyncio.timeout(20):
        while len(found := sorted(folder.glob("*.started"), key=lambda path: path.stat().st_mtime_ns)) < count:
            await asyncio.sleep(0.01)
    return [int(path.stem) for path in found]


def test_a_child_that_dies_is_started_again(program: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        heard = Heard()
        keeper = Keeper(program, boot("stays", tmp_path), heard)
        assert await keeper.start() == Ready(7)
        for deaths in (1, 2):
            os.kill((await started(tmp_path, deaths))[-1], signal.SIGKILL)
        pids = await started(tmp_path, 3)
        assert await keeper.stop(10)
        assert not any(map(is_running, pids))
        assert keeper.restarts == 2
        assert heard.living == []
        assert (heard.said[0][0], heard.said[-1][0]) == (pids[0], pids[-1])

    asyncio.run(scenario())


def test_a_child_that_is_replaced_ends_when_the_new_one_is_ready(program: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        keeper = Keeper(program, boot("stays", tmp_path), Heard())
        await keeper.start()
        former = (await started(tmp_path, 1))[0]
        await keeper.replace(10)
        latter = (await started(tmp_path, 2))[-1]
        assert (is_running(former), is_running(latter)) == (False, True)
        os.kill(latter, signal.SIGKILL)
        await started(tmp_path, 3)
        assert await keeper.stop(10)
        assert keeper.restarts == 1

    asyncio.run(scenario())


def test_a_child_stays_where_its_successor_does_not_start(program: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        keeper = Keeper(program, boot("refuses-later", tmp_path), Heard())
        await keeper.start()
        former = (await started(tmp_path, 1))[0]
        with pytest.raises(ConfigError, match=r"^it may not$"):
            await keeper.replace(10)
        assert is_running(former)
        assert await keeper.stop(10)
        assert not is_running(former)

    asyncio.run(scenario())


def test_a_stop_while_a_child_is_being_replaced_ends_both(program: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        heard = Heard()
        keeper = Keeper(program, boot("slow-later", tmp_path), heard)
        await keeper.start()
        replacing = asyncio.create_task(keeper.replace(10))
        async with asyncio.timeout(20):
            while len(heard.living) < 2:
                await asyncio.sleep(0.01)
            replacing.cancel()
            await keeper.stop(10)
        assert heard.living == []

    asyncio.run(scenario())


def test_a_child_that_is_replaced_when_it_has_died_is_not_started_twice(program: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        heard = Heard()
        keeper = Keeper(program, boot("stays", tmp_path), heard)
        await keeper.start()
        died = (await started(tmp_path, 1))[0]
        os.kill(died, signal.SIGKILL)
        async with asyncio.timeout(20):
            while heard.living:
                await asyncio.sleep(0.001)
            await asyncio.sleep(FIRST_PAUSE / 4)  # into the pause before it is started again
            await keeper.replace(10)
            await asyncio.sleep(2 * FIRST_PAUSE)  # past that pause
            assert len(heard.living) == 1
            assert await keeper.stop(10)
        assert heard.living == []

    asyncio.run(scenario())


def test_a_child_that_does_not_stop_is_ended(program: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        keeper = Keeper(program, boot("deaf", tmp_path), Heard())
        await keeper.start()
        assert not await keeper.stop(0.2)
        assert not is_running((await started(tmp_path, 1))[0])

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("kind", "why"), [("refuses", "^it may not$"), ("dies", "^the child ended with exit code 3 before it was ready$")]
)
def test_a_child_that_does_not_start_says_why(program: Program, tmp_path: Path, kind: str, why: str) -> None:
    async def scenario() -> None:
        keeper = Keeper(program, boot(kind, tmp_path), Heard())
        with pytest.raises(ConfigError, match=why):
            await keeper.start()
        await keeper.stop(10)

    asyncio.run(scenario())


def test_a_child_ends_when_its_parent_is_gone(program: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        keeper = Keeper(program, boot("deaf", tmp_path), Heard())
        await keeper.start()
        pid = (await started(tmp_path, 1))[0]
        assert keeper._child is not None
        stdin = keeper._child._process.stdin
        assert stdin is not None
        stdin.close()  # as the kernel does when the parent ends, however it ends
        async with asyncio.timeout(20):
            await keeper._child.ended()
        await keeper.stop(10)
        assert not is_running(pid)

    asyncio.run(scenario())


def test_a_child_is_spawned_before_its_message_is_known(program: Program, tmp_path: Path) -> None:
    async def scenario() -> None:
        known: asyncio.Future[Boot] = asyncio.get_running_loop().create_future()
        heard = Heard()
        keeper = Keeper(program, known, heard)
        starting = asyncio.create_task(keeper.start())
        async with asyncio.timeout(20):
            while keeper._child is None:
                await asyncio.sleep(0.01)
        assert heard.living == []
        known.set_result(await boot("stays", tmp_path))
        assert await starting == Ready(7)
        assert await keeper.stop(10)

    asyncio.run(scenario())
