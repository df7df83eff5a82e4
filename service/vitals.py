"""Tells of a process what the system knows of it: its memory, its time on processors, its open files."""

import resource
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from service.samples import Samples

_BEGAN: Final = time.time()
_PAGE_BYTES: Final = resource.getpagesize()
_FILES: Final = Path("/proc/self/fd")
_MEMORY: Final = Path("/proc/self/statm")


def allow_open_files() -> None:
    """Lets this process have as many files open as it may allow itself, often far more than it begins with."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # where the system says a number that it does not take
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def gauge_process(samples: Samples) -> None:
    """Tells of this process as it is now; where there is no /proc, nothing of memory and files."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    samples.gauges["magistrate_process_start_timestamp_seconds"] = _BEGAN
    samples.gauges["magistrate_process_cpu_seconds"] = time.process_time()
    samples.gauges["magistrate_process_open_files_limit"] = limit
    with suppress(OSError):
        samples.gauges["magistrate_process_memory_bytes"] = int(_MEMORY.read_text().split()[1]) * _PAGE_BYTES
        samples.gauges["magistrate_process_open_files"] = _open_files()


def _open_files() -> int:
    # Since Linux 6.2 the folder's size is their number; before, they are listed, which takes long where they are many.
    return _FILES.stat().st_size or sum(1 for _ in _FILES.iterdir())
