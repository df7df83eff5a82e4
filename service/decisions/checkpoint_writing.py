"""Writes checkpoints at an interval, into the log's database and into a file outside of it.

Law: the database has one sequence of checkpoints, whichever replica writes the next; a file gets every one that it
lacks, in that order, and a line in it is never changed.
"""

import threading
from pathlib import Path
from time import time, time_ns
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, insert, select

from service.db.engine import Database
from service.db.log_tables import checkpoint
from service.decisions.chaining import heads, origin
from service.decisions.checkpoint import BadCheckpoint, Checkpoint, read_checkpoint, write_checkpoint
from service.decisions.checkpoint_file import appending
from service.decisions.signed_lines import hash_line
from service.errors import FactsUnavailable
from service.samples import Samples
from service.telemetry import get_log

_TURN: Final = 0x6D61_6769_0003
"""The advisory lock of those who write checkpoints."""
_AT_ONCE: Final = 1000
"""Lines in memory at once."""

_log = get_log("decisions")


class CheckpointWriter:
    """Writes the checkpoints of one replica; without a key they are not signed."""

    def __init__(self, database: Database, file: Path, key: Ed25519PrivateKey | None) -> None:
        self._database = database
        self._file = file
        self._key = key
        self._results = {"written": 0, "unchanged": 0, "failed": 0}
        self._good_at = time()  # of one that never succeeds it must be seen for how long
        self._every = 0.0

    def run(self, stop: threading.Event, every: float) -> None:
        """Writes one each so many seconds in which records came, until `stop` is set."""
        self._every = every
        while not stop.wait(every):
            self.try_write()

    def try_write(self) -> None:
        """As `write`; what keeps it from being written is logged, and the next one covers what this one would have."""
        try:
            result = "written" if self.write() else "unchanged"
            self._good_at = time()
        except (FactsUnavailable, OSError, BadCheckpoint) as error:
            result = "failed"
            _log.error("checkpoint.failed", file=str(self._file), error=str(error))
        self._results[result] += 1

    def tell(self, samples: Samples) -> None:
        """Says how often it was written, when that last went well, and how often it is due."""
        for result, times in self._results.items():
            samples.counters["magistrate_checkpoints", (("result", result),)] = times
        samples.gauges["magistrate_checkpoint_success_timestamp_seconds"] = self._good_at
        samples.gauges["magistrate_checkpoint_interval_seconds"] = self._every

    def write(self) -> bool:
        """Whether there was anything to write. FactsUnavailable, OSError or BadCheckpoint where it cannot be."""
        with self._database.alone(_TURN) as connection:
            line = self._next(connection)
            if line is not None:
                connection.execute(insert(checkpoint).values(number=read_checkpoint(line).content.number, line=line))
        self._copy()
        return line is not None

    def _next(self, connection: Connection) -> str | None:
        query = select(checkpoint.c.line).order_by(checkpoint.c.number.desc()).limit(1)
        before = connection.execute(query).scalar()
        last = None if before is None else read_checkpoint(before).content
        now = tuple(heads(connection))
        if not now or (last is not None and last.heads == now):
            return None
        unchained, unchained_last = origin(connection)
        content = Checkpoint(
            number=1 if last is None else last.number + 1,
            time=time_ns() // 1_000_000,
            previous="" if before is None else hash_line(before),
            heads=now,
            unchained=unchained,
            unchained_last=unchained_last,
        )
        return write_checkpoint(content, self._key)

    def _copy(self) -> None:
        """Brings into the file what it lacks. One whose last line the database has otherwise is only added to."""
        with appending(self._file) as file:
            after = 0 if file.last is None else read_checkpoint(file.last).content.number
            if file.last is not None and self._stored(after) != file.last:
                _log.error("checkpoints.differ", file=str(self._file), number=after)
            while lines := self._behind(after):
                file.append(list(lines.values()))
                after = max(lines)

    def _stored(self, number: int) -> str | None:
        with self._database.read() as connection:
            return connection.execute(select(checkpoint.c.line).where(checkpoint.c.number == number)).scalar()

    def _behind(self, number: int) -> dict[int, str]:
        """The next lines of the database behind that number, by theirs."""
        table = checkpoint.c
        query = select(table.number, table.line).where(table.number > number).order_by(table.number).limit(_AT_ONCE)
        with self._database.read() as connection:
            return {row.number: row.line for row in connection.execute(query)}
