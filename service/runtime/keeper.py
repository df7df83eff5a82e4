"""Keeps one program running: starts it again when it dies, and later each time that it dies young."""

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol

from service.errors import ConfigError
from service.runtime.child import Child, Program, spawn
from service.runtime.messages import Boot, Message, Ready, Refused
from service.telemetry import get_log

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
GROWN_UP: Final = 10.0
"""Seconds of life after which a death says nothing about the next start."""
START_SECONDS: Final = 60.0
END_SECONDS: Final = 1.0
"""How long a child that refuses to start has to end."""

_log = get_log("supervisor")


class Listener(Protocol):
    """Who is told of the processes of a program: of each one's start, of what it says, and of its end."""

    def joined(self, child: Child) -> None:
        """It runs, and has its boot message."""
        ...

    def heard(self, child: Child, message: Message) -> None:
        """It says something."""
        ...

    def left(self, child: Child) -> None:
        """It has ended, and says no more."""
        ...


class Keeper:
    """The life of one program over all its processes. All have the same boot message.

    A process is spawned at once, and told the message when it can be had: it loads its modules meanwhile.
    """

    def __init__(self, program: Program, boot: Awaitable[Boot], listener: Listener) -> None:
        self._program = program
        self._boot = boot
        self._listener = listener
        self._child: Child | None = None
        self._former: Child | None = None
        self._launching = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None
        self._hearing: set[asyncio.Task[None]] = set()
        self.restarts = 0

    @property
    def program(self) -> Program:
        """What it runs."""
        return self._program

    @property
    def present(self) -> Child | None:
        """Its process; None while there is none, and while one is being started or to be replaced."""
        return None if self._launching.locked() else self._child

    async def start(self, within: float | None = START_SECONDS) -> Ready:
        """Starts the program and waits until it is ready; ConfigError if it does not come to that."""
        async with self._launching:
            ready = await self._launch(within)
        self._keeping = asyncio.create_task(self._keep())
        return ready

    async def kept(self) -> None:
        """Never returns while the program is kept; raises what ended the keeping, which only a fault can."""
        if self._keeping is not None:
            await self._keeping

    async def replace(self, within: float) -> None:
        """Puts a new process in the place of the present one, which finishes once the new one is ready.

        ConfigError, with the present one left where it is, if the new one does not come to be ready.
        """
        async with self._launching:
            former = self._former = self._child
            try:
                await self._launch(START_SECONDS)
            except ConfigError:
                self._child, self._former = former, None
                raise
        if former is not None:
            is_clean = await former.stop(within)
            _log.info("child replaced", program=self._program.name, pid=former.pid, answered_all=is_clean)
        self._former = None

    async def stop(self, within: float) -> bool:
        """Lets the program finish for so many seconds, then ends it; whether it finished by itself."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        # Both, where it is told to stop while one takes the place of the other.
        living = [child for child in (self._former, self._child) if child is not None]
        is_clean = all(await asyncio.gather(*(child.stop(within) for child in living)))
        if self._hearing:
            await asyncio.wait(self._hearing)
        return is_clean

    async def _launch(self, within: float | None) -> Ready:
        child = self._child = await spawn(self._program)
        child.tell(await self._boot)
        self._listener.joined(child)
        first: asyncio.Future[Ready | Refused | None] = asyncio.get_running_loop().create_future()
        hearing = asyncio.create_task(self._hear(child, first))
        self._hearing.add(hearing)
        hearing.add_done_callback(self._hearing.discard)
        try:
            # Not wait_for: on 3.11 it loses a cancellation that comes with the report, and `stop` would wait for ever.
            async with asyncio.timeout(within):
                said = await first
        except TimeoutError:
            await child.stop(0)
            raise ConfigError(f"the {self._program.name} was not ready within {within:.0f} seconds") from None
        match said:
            case Ready():
                _log.info("child ready", program=self._program.name, pid=child.pid)
                return said
            case Refused(why):
                await child.stop(END_SECONDS)
                raise ConfigError(why)
            case None:
                code = await child.ended()
                raise ConfigError(f"the {self._program.name} ended with exit code {code} before it was ready")

    async def _hear(self, child: Child, first: "asyncio.Future[Ready | Refused | None]") -> None:
        try:
            async for message in child.heard():
                self._listener.heard(child, message)
                if isinstance(message, Ready | Refused) and not first.done():
                    first.set_result(message)
        finally:
            self._listener.left(child)
            if not first.done():
                first.set_result(None)

    async def _keep(self) -> None:
        pause = FIRST_PAUSE
        while True:
            if await self._life() > GROWN_UP:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            await self._launch_again()

    async def _life(self) -> float:
        """Waits until there is no process any more; the seconds that took."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while (child := self._child) is not None:
            code = await child.ended()
            async with self._launching:
                if child is self._child:
                    _log.warning("child died", program=self._program.name, pid=child.pid, exit_code=code)
                    self._child = None
        return clock() - began

    async def _launch_again(self) -> None:
        async with self._launching:
            if self._child is not None:
                return  # one that was to take its place has come meanwhile
            self.restarts += 1
            try:
                await self._launch(START_SECONDS)
            except (ConfigError, OSError) as error:
                _log.error("child not started", program=self._program.name, why=str(error))
