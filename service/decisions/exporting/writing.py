"""Writes an export: the file of lines, then the manifest that signs it. Memory is bounded by the number of chains.

Chains come beside each other, as checkpoints saw them grow, so that each checkpoint stands there once, behind all that
it proves. What is written to the log meanwhile is not in it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EEXIST
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from service.db.engine import Database
from service.db.log_tables import chain_link, decision, log_note
from service.decisions.chaining import heads, origin
from service.decisions.checkpoint_reading import Checkpoints
from service.decisions.exporting.lines import Bare, ExportLine, Recorded, Unchained, write_export_line
from service.decisions.exporting.manifest import (
    Contents,
    ExportedChain,
    Manifest,
    files_of,
    fingerprint,
    write_manifest,
)
from service.decisions.exporting.stretch import PAGE, ChainStretch
from service.decisions.faults import Faults
from service.decisions.log_filter import LogFilter, filter_fields, fits, narrowed
from service.decisions.payload import decode_record
from service.decisions.retention.notes import WrittenNote, read_note
from service.errors import ConfigError, why


@dataclass(frozen=True, slots=True)
class Order:
    """What to export, who has it done and when (milliseconds since 1970 UTC), and the key that signs, if any."""

    wanted: LogFilter
    by: str
    now: int
    key: Ed25519PrivateKey | None


def export_log(database: Database, order: Order, path: Path) -> Manifest:
    """Writes an export to a folder, or to a file whose name ends in `.jsonl`; ConfigError if there is one already.

    FactsUnavailable where the log does not answer; then there is none.
    """
    lines, manifest = files_of(path)
    try:
        lines.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if manifest.exists():
            raise FileExistsError(EEXIST, "", str(manifest))
        with _new_sheet(lines) as sheet:
            made = _write(database, order, sheet)
            sheet.settle()
            with _new_sheet(manifest) as seal:
                seal.write(write_manifest(made, order.key).encode() + b"\n")
                seal.settle()
    except FileExistsError as error:
        raise ConfigError(f"`{error.filename}` is there already\nhelp: export to another place") from error
    except OSError as error:
        raise ConfigError(f"cannot write the export to `{path}`: {why(error)}") from error
    return made


class _Sheet:
    """A file that counts and digests what is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.bytes = 0
        self.lines = 0
        self.digest = sha256()

    def write(self, line: bytes) -> None:
        """Writes one line, its end included."""
        self._file.write(line)
        self.digest.update(line)
        self.bytes += len(line)
        self.lines += 1

    def settle(self) -> None:
        """Has all of it on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def _new_sheet(path: Path) -> Iterator[_Sheet]:
    """A file that was not there before, for its owner alone; where the block raises it is gone again."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    is_whole = False
    try:
        with os.fdopen(descriptor, "wb", buffering=1 << 20) as file:
            yield _Sheet(file)
        is_whole = True
    finally:
        if not is_whole:
            path.unlink(missing_ok=True)


def _write(database: Database, order: Order, sheet: _Sheet) -> Manifest:
    checkpoints = Checkpoints(database, None, ())
    checkpoints.judge(Faults())
    with database.read() as connection:
        chains = {head.replica: ChainStretch(database, head, order.wanted) for head in heads(connection)}
    unchained = 0
    for line in _lines(database, checkpoints, chains, order.wanted):
        sheet.write(write_export_line(line))
        unchained += isinstance(line, Unchained)
    contents = Contents(
        bytes=sheet.bytes,
        lines=sheet.lines,
        sha256=sheet.digest.hexdigest(),
        records=unchained + sum(chain.records for chain in chains.values()),
        unchained=unchained,
    )
    return Manifest(
        time=order.now,
        by=order.by,
        asked=filter_fields(order.wanted),
        contents=contents,
        chains=tuple(ExportedChain(each.first, each.last, each.records, each.head) for each in chains.values()),
        key=None if order.key is None else fingerprint(order.key.public_key()),
    )


def _lines(
    database: Database, checkpoints: Checkpoints, chains: dict[str, ChainStretch], wanted: LogFilter
) -> Iterator[ExportLine]:
    told: set[int] = set()
    for written in checkpoints.each():
        seen = [(chains[head.replica], head.sequence) for head in written.content.heads if head.replica in chains]
        for chain, sequence in seen:
            yield from _with_notes(database, chain.lines(sequence), told)
        proves = [chain.close(sequence) for chain, sequence in seen]
        if any(proves):
            yield written
    for chain in chains.values():
        yield from _with_notes(database, chain.lines(chain.head.sequence), told)
    yield from _unchained(database, wanted)


def _with_notes(database: Database, lines: Iterator[Recorded | Bare], told: set[int]) -> Iterator[ExportLine]:
    """The lines, and before the first that names a note that note."""
    for line in lines:
        if isinstance(line, Bare) and line.note is not None and line.note not in told:
            told.add(line.note)
            if (note := _note(database, line.note)) is not None:
                yield note
        yield line


def _note(database: Database, number: int) -> WrittenNote | None:
    with database.read() as connection:
        line = connection.execute(select(log_note.c.line).where(log_note.c.number == number)).scalar()
    return None if line is None else read_note(line)


def _unchained(database: Database, wanted: LogFilter) -> Iterator[Unchained]:
    """The records from before the chains."""
    with database.read() as connection:
        _, last = origin(connection)
    if last is None:
        return
    key = decision.c.id
    asked, _ = narrowed(select(key, decision.c.body), wanted)
    query = asked.where(key <= last, ~select(chain_link.c.replica).where(chain_link.c.decision_id == key).exists())
    after: str | None = None
    while True:
        page = query if after is None else query.where(key > after)
        with database.read() as connection:
            rows = connection.execute(page.order_by(key).limit(PAGE)).all()
        for _, body in rows:
            if not wanted.attributes or fits(decode_record(body), wanted.attributes):
                yield Unchained(body)
        if len(rows) < PAGE:
            return
        after = rows[-1].id
