"""Says how far an import or export has come, and what an import did or would do, for a person and for a program."""

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from policy_lang.counts import counted
from policy_lang.types import Json
from service.entities.imported import Imported, Tally


def import_said(done: Imported, *, is_trial: bool) -> str:
    """`imported 2 entities, 1 assignment, 0 relations; revision …`, and how many of them were there before."""
    counts = (
        counted(done.entities.facts, "entity", "entities"),
        counted(done.assignments.facts, "assignment"),
        counted(done.relations.facts, "relation"),
    )
    every = _every(done)
    known = f" ({every.added:,} new, {every.changed:,} changed, {every.unchanged:,} as they were)"
    before = known if every.added < every.facts else ""
    return f"{'would import' if is_trial else 'imported'} {', '.join(counts)}{before}; revision {done.revision}"


def import_form(done: Imported, *, is_trial: bool) -> dict[str, Json]:
    """The same as one object."""
    every = _every(done)
    return {
        "entities": done.entities.facts,
        "assignments": done.assignments.facts,
        "relations": done.relations.facts,
        "added": every.added,
        "changed": every.changed,
        "unchanged": every.unchanged,
        "dry_run": is_trial,
        "revision": done.revision,
    }


def _every(done: Imported) -> Tally:
    kinds = (done.entities, done.assignments, done.relations)
    return Tally(
        sum(kind.added for kind in kinds), sum(kind.changed for kind in kinds), sum(kind.unchanged for kind in kinds)
    )


@contextmanager
def reading_bar(file: BinaryIO) -> Iterator[Callable[[int], None]]:
    """What is told of bytes read: a bar on the terminal, where there is one."""
    with _bar("reading", _size_of(file), "bytes") as tell:
        yield tell


@contextmanager
def writing_bar(unit: str) -> Iterator[Callable[[int], None]]:
    """What is told of `unit` written; nobody knows how many there will be."""
    with _bar("writing", None, unit) as tell:
        yield tell


@contextmanager
def _bar(doing: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    amount = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = TextColumn("{task.description}"), BarColumn(), amount, TextColumn(unit), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(doing, total=total)
        yield lambda more: bars.update(task, advance=more)


def _size_of(file: BinaryIO) -> int | None:
    """Bytes in the file; None where that is not known, as of a pipe."""
    if not file.seekable():
        return None
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size
