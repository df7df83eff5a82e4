"""Follows a PostgreSQL database in a thread of its own: polls, woken early by NOTIFY, and comes back by itself."""

import asyncio
import random
import threading
import time
from contextlib import suppress
from socket import socketpair
from typing import Final

from service.db.feed_reading import Polled
from service.db.listener import Listener, open_listener
from service.db.opening import parse_url
from service.errors import FactsUnavailable
from service.feed.feed import Feed
from service.telemetry import get_log

POLL_SECONDS: Final = 1.0
"""Between polls where commits are heard of: a notification that is lost costs as much."""
DEAF_POLL_SECONDS: Final = 0.05
"""Between polls where they are not."""
FIRST_RETRY_SECONDS: Final = 0.05
LAST_RETRY_SECONDS: Final = 2.0

_log = get_log("feed")


class PostgresqlFollower:
    """Feeds one worker from one server."""

    def __init__(self, url: str, feed: Feed, *, listens: bool = True) -> None:
        """ConfigError where the URL is not understood."""
        self._url = parse_url(url)
        self._feed = feed
        self._listens = listens
        self._after = 0
        self._retry = FIRST_RETRY_SECONDS
        self._stop = threading.Event()
        self._ours, self._theirs = socketpair()
        self._ours.setblocking(False)
        self._theirs.setblocking(False)
        feed.when_waited_for(self._wake)

    async def run(self) -> None:
        """Follows until it is cancelled."""
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self._follow, args=(loop,), name="feed", daemon=True)
        thread.start()
        try:
            await loop.create_future()
        finally:
            self._stop.set()
            self._wake()
            # A thread that is connecting is not waited for; nothing that it still finds is taken in.
            thread.join(0.2)

    def _wake(self) -> None:
        """Cuts the thread's wait short; where that is on its way already, it is enough."""
        try:
            self._ours.send(b"\0")
        except BlockingIOError:
            return

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stop.is_set():
            try:
                with open_listener(self._url) as listener:
                    self._poll(listener, loop)
            except FactsUnavailable as error:
                if self._stop.is_set():
                    break
                _log.warning("the change feed is lost", cause=str(error))
                # A little apart from the other workers, which lost it at the same moment.
                self._stop.wait(self._retry * random.uniform(0.5, 1))  # noqa: S311
                self._retry = min(self._retry * 2, LAST_RETRY_SECONDS)
        self._ours.close()
        self._theirs.close()

    def _poll(self, listener: Listener, loop: asyncio.AbstractEventLoop) -> None:
        # First it listens, then it catches up: what is committed between the two is heard of twice and not never.
        interval = POLL_SECONDS if self._listens and listener.listen() else DEAF_POLL_SECONDS
        while not self._stop.is_set():
            started = time.monotonic()
            polled = listener.poll(self._after)
            self._after, self._retry = polled.n, FIRST_RETRY_SECONDS
            with suppress(RuntimeError):  # the loop has ended, and nobody is left to be told
                loop.call_soon_threadsafe(self._take_in, polled, started)
            listener.wait(interval, self._theirs)
            self._drain()

    def _take_in(self, polled: Polled, started: float) -> None:
        if not self._stop.is_set():
            self._feed.apply(polled, started)

    def _drain(self) -> None:
        try:
            self._theirs.recv(4096)
        except BlockingIOError:
            return
