"""Follows a SQLite database on the loop's own thread: a look at the file's version, and a read where it has moved."""

import asyncio
import time
from contextlib import ExitStack
from typing import Final

from service.db.engine import Database, Prepared, Reading
from service.db.failures import translated
from service.db.feed_reading import changes_after, poll
from service.errors import FactsUnavailable
from service.feed.feed import Feed
from service.telemetry import get_log

POLL_SECONDS: Final = 0.02
RETRY_SECONDS: Final = 0.2

_log = get_log("feed")


class SqliteFollower:
    """Feeds one worker from one file."""

    def __init__(self, database: Database, feed: Feed) -> None:
        self._database = database
        self._feed = feed
        self._changes = changes_after(database.dialect)
        self._held = ExitStack()
        self._watching: Reading | None = None
        self._version: int | None = None
        self._after = 0
        feed.when_waited_for(self.poll)

    async def run(self) -> None:
        """Polls until it is cancelled."""
        try:
            while True:
                await asyncio.sleep(POLL_SECONDS if self.poll() else RETRY_SECONDS)
        finally:
            self._held.close()

    def poll(self) -> bool:
        """Takes in what has changed by now; false if the file cannot be read."""
        try:
            with translated(self._database.name):
                self._poll()
        except FactsUnavailable as error:
            if self._watching is not None:
                _log.warning("the change feed is lost", cause=str(error))
            self._held.close()
            self._watching = self._version = None
            return False
        return True

    def _poll(self) -> None:
        started = time.monotonic()
        if self._watching is None:
            self._watching = self._held.enter_context(self._database.watching())
        # The version first: a commit between the two is found again by the next poll, never missed.
        ((version,),) = self._watching.fetch(_VERSION, {})
        if version == self._version:
            self._feed.confirm(started)
            return
        polled = poll(self._watching, self._changes, self._after)
        self._version, self._after = version, polled.n
        self._feed.apply(polled, started)


_VERSION: Final[Prepared[tuple[int]]] = Prepared("PRAGMA data_version")
"""Moves when another connection has committed; 5 µs, where a read of the revision takes 30."""
