"""Does what waits for a database, and is no check, in some of the loop's threads: others are left to what checks need.

However slow lists and writes are, the rows of a key that is shown for the first time are fetched all the same.

Law: who waited for a place is looked at again before anything is done, for credentials end, and are revoked, meanwhile:
else whoever asks for much has the rest of it done after he was shut out.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Final, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from service.deadline import ending_with_call

Given = ParamSpec("Given")
Result = TypeVar("Result")
Look = Callable[[], Awaitable[object]]
"""Looks at who calls; raises where he may not call any more."""

PLACES: Final = 16
"""How much is done so at a time; the loop of a worker has twice as many threads."""
_FREE: Final["WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]"] = WeakKeyDictionary()
_LOOK: Final[ContextVar[Look | None]] = ContextVar("look", default=None)


def look_again(look: Look) -> None:
    """Has it looked so at the caller of this task, each time that something has waited for a place."""
    _LOOK.set(look)


async def beside(act: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """What the act comes to; the end of the call goes with it (`service/deadline.py`)."""
    return await _done(partial(act, *args, **kwargs), _LOOK.get())


async def cleared(act: Callable[[], Result]) -> Result:
    """The same of what has to be done at the end of a call, whoever made it."""
    return await _done(act, None)


async def _done(act: Callable[[], Result], look: Look | None) -> Result:
    loop = asyncio.get_running_loop()
    free = _FREE.setdefault(loop, asyncio.Semaphore(PLACES))
    with ExitStack() as place:
        has_waited = free.locked()
        await free.acquire()
        place.callback(free.release)
        if has_waited and look is not None:
            await look()
        running = loop.run_in_executor(None, partial(copy_context().run, ending_with_call, act))
        # The thread goes on where the wait ends: its place is free when the act has come to its end.
        running.add_done_callback(partial(_ended, place.pop_all()))
    return await asyncio.shield(running)


def _ended(place: ExitStack, running: "asyncio.Future[Result]") -> None:
    place.close()
    if not running.cancelled():
        running.exception()  # seen, also where nobody waits for it any more
