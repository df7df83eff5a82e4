"""Gives a worker the policies that are in force by the change feed, and none while those are not loaded.

Law: a worker never answers by policies of which it knows that others took their place. All of it on the loop's thread.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from service.errors import FactsUnavailable, NoPolicies
from service.model import ActivePolicies

Active = Callable[[], str]
"""Reads which policies are in force, by their digest; empty for none. It does I/O."""
RETRY_SECONDS: Final = 0.2


class Holder(Protocol):
    """Holds policies in memory."""

    def active(self) -> ActivePolicies:
        """The policies that were activated last; NoPolicies before there are any."""
        ...

    def is_prepared(self, digest: str) -> bool:
        """Whether these can be put in force."""
        ...

    def activate(self, digest: str) -> None:
        """Puts them in force."""
        ...


class StoredPolicies:
    """The policies in force, of one worker (`ports.Policies`)."""

    def __init__(self, holder: Holder, read_active: Active) -> None:
        self._holder = holder
        self._read_active = read_active
        self._wanted = ""
        self._reading: asyncio.Task[None] | None = None
        self._is_overtaken = False

    def active(self) -> ActivePolicies:
        """The policies in force; NoPolicies where there are none, or while they are being loaded."""
        policies = self._holder.active()
        if self._wanted and policies.digest != self._wanted:
            raise NoPolicies("the policies in force are being loaded")
        return policies

    def changed(self, digest: str | None, _revision: int) -> None:
        """Takes note of an activation, or that there may have been some."""
        self._is_overtaken = True
        if digest is not None:
            self._follow(digest)
        elif self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        """Reads which are in force, and again if that changed meanwhile or cannot be read yet."""
        while self._is_overtaken:
            self._is_overtaken = False
            try:
                digest = await asyncio.to_thread(self._read_active)
            except FactsUnavailable:
                self._is_overtaken = True
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if not self._is_overtaken:
                self._follow(digest)

    def _follow(self, digest: str) -> None:
        self._wanted = digest
        if digest and self._holder.is_prepared(digest):
            self._holder.activate(digest)
