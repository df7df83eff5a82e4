"""Keeps one program running: starts it again when it dies, and later each time that it dies young."""

import asyncio
from typing import Final

from service.errors import ConfigError
from service.runtime.child import Child, Program, spawn
from service.runtime.reports import Ready, Refused
from service.telemetry import get_log

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
GROWN_UP: Final = 10.0
"""Seconds of life after which a death says nothing about the next start."""
START_SECONDS: Final = 60.0

_log = get_log("supervisor")


class Keeper:
    """The life of one program over all its processes. All have the same boot message."""

    def __init__(self, program: Program, boot: bytes) -> None:
        self._program = program
        self._boot = boot
        self._child: Child | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> Ready:
        """Starts the program and waits until it is ready; ConfigError if it does not come to that."""
        ready = await self._launch()
        self._keeping = asyncio.create_task(self._keep())
        return ready

    async def kept(self) -> None:
        """Never returns while the program is kept; raises what ended the keeping, which only a fault can."""
        if self._keeping is not None:
            await self._keeping

    async def stop(self, within: float) -> bool:
        """Lets the program finish for so many seconds, then ends it; whether it finished by itself."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        return self._child is None or await self._child.stop(within)

    async def _launch(self) -> Ready:
        self._child = await spawn(self._program, self._boot)
        try:
            report = await asyncio.wait_for(self._child.report(), START_SECONDS)
        except TimeoutError:
            await self._child.stop(0)
            raise ConfigError(f"the {self._program.name} was not ready within {START_SECONDS:.0f} seconds") from None
        match report:
            case Ready():
                _log.info("child ready", program=self._program.name, pid=self._child.pid)
                return report
            case Refused(why):
                raise ConfigError(why)
            case None:
                code = await self._child.ended()
                raise ConfigError(f"the {self._program.name} ended with exit code {code} before it was ready")

    async def _keep(self) -> None:
        pause = FIRST_PAUSE
        while True:
            if await self._life() > GROWN_UP:
                pause = FIRST_PAUSE
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            await self._launch_again()

    async def _life(self) -> float:
        """Waits for the present process to end; the seconds that took."""
        if self._child is None:
            return 0.0
        clock = asyncio.get_running_loop().time
        began = clock()
        code = await self._child.ended()
        _log.warning("child died", program=self._program.name, pid=self._child.pid, exit_code=code)
        return clock() - began

    async def _launch_again(self) -> None:
        try:
            await self._launch()
        except (ConfigError, OSError) as error:
            _log.error("child not started", program=self._program.name, why=str(error))
