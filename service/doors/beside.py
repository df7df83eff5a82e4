"""Does what waits for a database, and is no check, in some of the loop's threads: others are left to what checks need.

However slow lists and writes are, the rows of a key that is shown for the first time are fetched all the same.
"""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Final, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from service.deadline import ending_with_call

Given = ParamSpec("Given")
Result = TypeVar("Result")

PLACES: Final = 16
"""How much is done so at a time; the loop of a worker has twice as many threads."""
_FREE: Final["WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]"] = WeakKeyDictionary()


async def beside(act: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """What the act comes to; the end of the call goes with it (`service/deadline.py`)."""
    loop = asyncio.get_running_loop()
    free = _FREE.setdefault(loop, asyncio.Semaphore(PLACES))
    await free.acquire()
    running = loop.run_in_executor(None, partial(copy_context().run, ending_with_call, partial(act, *args, **kwargs)))
    running.add_done_callback(partial(_ended, free))
    # The thread goes on where the wait ends: its place is free when the act has come to its end.
    return await asyncio.shield(running)


def _ended(free: asyncio.Semaphore, running: "asyncio.Future[Result]") -> None:
    free.release()
    if not running.cancelled():
        running.exception()  # seen, also where nobody waits for it any more
