"""One child process: spawned with its boot message, heard once, ended."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass

from service.runtime.reports import Report, read_report

LINE_BYTES = 1 << 20
"""The longest report that is read."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a child runs: its name in the log, and its module."""

    name: str
    module: str


@dataclass(frozen=True, slots=True)
class Child:
    """A process that is tied to this one by its standard input: when that closes, it exits."""

    _process: Process

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def report(self) -> Report | None:
        """What it says; None if it dies before it has said anything."""
        stdout = self._process.stdout
        assert stdout is not None, "spawned with a pipe"  # noqa: S101
        return read_report(await stdout.readline())

    async def ended(self) -> int:
        """Its exit code, when it has ended; a negative one names the signal that ended it."""
        return await self._process.wait()

    async def stop(self, within: float) -> bool:
        """Asks it to finish, and ends it by force after so many seconds; whether it finished by itself."""
        if self._process.returncode is None:
            self._process.terminate()
        try:
            return await asyncio.wait_for(self.ended(), within) == 0
        except TimeoutError:
            self._process.kill()
            await self.ended()
            return False


async def spawn(program: Program, boot: bytes) -> Child:
    """A new process of the program, its boot message sent. Its errors go where ours go.

    A session of its own keeps a terminal's Ctrl-C from it: the supervisor decides when it stops. `-P` keeps the current
    folder, which may hold anything, out of its imports. Settings come by the message alone, never by its environment.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", program.module,
        stdin=PIPE, stdout=PIPE, start_new_session=True, limit=LINE_BYTES,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAGISTRATE_")},
    )  # fmt: skip
    child = Child(process)
    await _send(process, boot)
    return child


async def _send(process: Process, boot: bytes) -> None:
    assert process.stdin is not None, "spawned with a pipe"  # noqa: S101
    try:
        process.stdin.write(boot)
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return  # it died at once, which its missing report tells
