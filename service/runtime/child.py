"""One child process: spawned with its boot message, told and heard over its pipes, ended."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

from service.runtime.messages import Message, receive, write


@dataclass(frozen=True, slots=True)
class Program:
    """What a child runs: its name in the log, the module of its `main`, and the open files that it is given."""

    name: str
    module: str
    inherits: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Child:
    """A process that is tied to this one by its standard input: when that closes, it exits."""

    program: Program
    _process: Process

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def tell(self, message: Message) -> None:
        """Sends a message, without waiting until it is taken. One to a process that has died is lost."""
        stdin = self._process.stdin
        if stdin is not None and not stdin.is_closing():
            stdin.write(write(message))

    async def heard(self) -> AsyncIterator[Message]:
        """What it says, until it has died."""
        stdout = self._process.stdout
        assert stdout is not None, "spawned with a pipe"  # noqa: S101
        with suppress(asyncio.IncompleteReadError):
            while True:
                yield await receive(stdout)

    def ask_where(self) -> None:
        """Has it write to its errors where each of its threads stands; it cannot be so stuck that it does not."""
        self._signal(signal.SIGUSR2)

    def end(self) -> None:
        """Ends it by force."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            self._process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code, when it has ended; a negative one names the signal that ended it."""
        return await self._process.wait()

    async def stop(self, within: float) -> bool:
        """Asks it to finish, and ends it by force after so many seconds; whether it finished by itself."""
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(within):
                return await self.ended() == 0
        except TimeoutError:
            self._process.kill()
            await self.ended()
            return False


async def spawn(program: Program) -> Child:
    """A new process of the program. Its errors go where ours go.

    A process group of its own keeps a terminal's Ctrl-C from it: the supervisor decides when it stops. A session would
    too, but Linux may share the cores between sessions, whatever the niceness in them (autogroups). `-P` keeps the
    current folder, which may hold anything, out of its imports. Settings come by message alone, not by its environment.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "service.runtime.starting", program.module,
        stdin=PIPE, stdout=PIPE, process_group=0, pass_fds=program.inherits,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAGISTRATE_")},
    )  # fmt: skip
    return Child(program, process)
