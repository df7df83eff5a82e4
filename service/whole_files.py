"""Writes files whole: readers see the old one or the new, never a part, and what is written is on the disk first."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file, for its owner alone, that takes the path's place when the block ends; where it raises, all stays."""
    with written_beside(path) as part:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """The path of an empty file of mode 0600 in the same folder, which is gone when the block ends unless it moved."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
