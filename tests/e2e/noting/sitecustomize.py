"""Notes what a spool's syncs brought to the disk, from outside of the service: Python loads it from its path.

A line `NAME SIZE` says that so many bytes of a segment were written before a sync of it that has returned, a line
`NAME named` that the name was in the folder before a sync of that. Without `SYNC_NOTES` in the environment it is idle.
"""

import os
from collections.abc import Callable
from pathlib import Path


def _note_into(file: str) -> None:
    notes = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def noting(sync: Callable[[int], None]) -> Callable[[int], None]:
        def noted(descriptor: int) -> None:
            lines = _known(Path(f"/proc/self/fd/{descriptor}").readlink(), descriptor)
            sync(descriptor)
            os.write(notes, lines.encode())

        return noted

    for name in ("fdatasync", "fsync"):
        setattr(os, name, noting(getattr(os, name)))


def _known(path: Path, descriptor: int) -> str:
    if path.is_dir():
        return "".join(f"{each.name} named\n" for each in path.glob("*.seg"))
    return f"{path.name} {os.fstat(descriptor).st_size}\n"


if "SYNC_NOTES" in os.environ:
    _note_into(os.environ["SYNC_NOTES"])
