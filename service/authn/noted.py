"""Notes in memory when credentials are used, and writes it down from time to time, off the path of their calls."""

import asyncio
from collections.abc import Callable, Mapping

from service.errors import FactsUnavailable
from service.telemetry import get_log

_log = get_log("authn")


class Noted:
    """The last time for each name, until it is written; what cannot be written is kept for the next try."""

    def __init__(self, write: Callable[[Mapping[str, int]], None], *, what: str, every: float) -> None:
        """`write` is called in a thread, with what was noted since."""
        self._write = write
        self._what = what
        self._every = every
        self._noted: dict[str, int] = {}

    def note(self, name: str, at: int) -> None:
        """Notes that the name was used at that time; the last one counts."""
        self._noted[name] = at

    async def run(self) -> None:
        """Writes from time to time, and once more when it is cancelled."""
        try:
            while True:
                await asyncio.sleep(self._every)
                await self.flush()
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Writes what was noted."""
        noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            await asyncio.to_thread(self._write, noted)
        except FactsUnavailable as error:
            _log.warning("not written down", what=self._what, cause=str(error))
            self._noted = noted | self._noted
