"""Does what waits for a database, and is no check, in threads of its own: however slow it is, no check waits for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Final, ParamSpec, TypeVar

from service.deadline import ending_with_call

Given = ParamSpec("Given")
Result = TypeVar("Result")

_THREADS: Final = ThreadPoolExecutor(16, thread_name_prefix="beside")


async def beside(act: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """What the act comes to; the end of the call goes with it (`service/deadline.py`)."""
    work = partial(copy_context().run, ending_with_call, partial(act, *args, **kwargs))
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)
