"""Runs reads that would hold up the loop in a few threads, and refuses more at once instead of queueing."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from service.errors import FactsUnavailable

T = TypeVar("T")

WAITING: Final = 8
"""Reads that may wait for each that is under way: some 10 ms of work, as after an import that emptied the cache."""


class ReadPool:
    """At most `size` reads at a time, and `WAITING` times as many that wait for a thread (runtime.md, Reads)."""

    def __init__(self, size: int) -> None:
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="facts")
        self._limit = (1 + WAITING) * size
        self._under_way = 0

    async def run(self, read: Callable[[], T]) -> T:
        """What the read gives; FactsUnavailable where too many are under way."""
        if self._under_way >= self._limit:
            raise FactsUnavailable("every connection to the facts is busy")
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, read)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Waits for the reads under way."""
        self._threads.shutdown()
