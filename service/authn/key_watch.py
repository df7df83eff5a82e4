"""Follows the files that trusted keys stand in, and has them read again when one has changed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.errors import ConfigError
from service.samples import Samples, Series
from service.telemetry import get_log

_log = get_log("authn")

Stamp = list[tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Watched:
    """Files, and how they looked before they were read: a change is noticed though nobody follows them yet."""

    files: tuple[Path, ...]
    stamp: Stamp

    @classmethod
    def of(cls, files: tuple[Path, ...]) -> "Watched":
        """The files as they are, for who reads them next."""
        return cls(files, _stamp(files))


async def follow_keys(
    watched: Watched, reload: Callable[[], None], *, every: float, samples: Samples, refused: Series
) -> None:
    """Calls `reload` after each change of a file; where it raises ConfigError, the keys in force stay. Never returns.

    The state `refused` is 1 from then on until the files can be used. A file that is not at rest is looked at again: it
    may have been half written when it was read.
    """
    files, seen = watched.files, watched.stamp
    samples.states[refused] = 0.0
    while True:
        await asyncio.sleep(every)
        stamp = _stamp(files)
        if stamp == seen:
            continue
        seen = stamp
        try:
            reload()
        except ConfigError as error:
            samples.states[refused] = 1.0
            samples.count("magistrate_key_reloads", result="refused")
            _log.error("keys.kept", why=str(error))
        else:
            samples.states[refused] = 0.0
            samples.count("magistrate_key_reloads", result="loaded")
            _log.info("keys.loaded", files=[str(file) for file in files])


def _stamp(files: Sequence[Path]) -> Stamp:
    """How the files look from outside; one that is not there is told apart from any that is."""
    found: Stamp = []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            found.append((0, 0, 0))
        else:
            # Not when the text changed, but the file: what others may not read any more is good from then on.
            found.append((status.st_ino, status.st_size, status.st_ctime_ns))
    return found
