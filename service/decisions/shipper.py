"""Moves what is new in the spool into the log's database, each record exactly once.

Law: rows, the replica's chain and the segment's position are one transaction, conditional on the old position, so that
of two shippers one wins. A segment goes only after its last valid frame is committed and its writer is gone; a fault in
it is never guessed at: a torn tail was never acknowledged and is cut, a damaged segment is set aside for an operator.
"""

import os
import random
import threading
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from time import time_ns
from typing import Final

from sqlalchemy import Connection, insert, select, update

from service.db.bulk import insert_rows
from service.db.dialect import write_much
from service.db.engine import Database
from service.db.log_partitions import Partitions
from service.db.log_tables import decision, spool_position
from service.decisions.chaining import append
from service.decisions.frames import UNREADABLE, Stop, read_run
from service.decisions.payload import BadPayload, LaterFormat, stored_batch
from service.decisions.rows import CHILDREN, decision_row
from service.decisions.segments import ASIDE, OpenSegment, reading, segments, sweep
from service.decisions.stored import Stored
from service.errors import FactsUnavailable, why
from service.telemetry import get_log

CHUNK: Final = 1 << 22
"""Bytes of a segment that are moved in one transaction."""
TICK_SECONDS: Final = 0.1
"""How soon a record is looked for where there are few."""
GATHER_SECONDS: Final = 0.5
"""How long records gather at most where there are many: in a large transaction each takes half the time."""
FEW: Final = 20
"""For each so many records that the last look has moved, the next one waits a tick longer."""
MOST_SECONDS: Final = 10.0
"""The longest wait for a database that does not answer."""
BEHIND: Final = 16 << 20
"""Bytes of a segment from which on its records have waited too long: some 25,000, of a busy worker those of 15 s."""
JITTER: Final = 0.5
"""So much of each wait is left to chance, so that many replicas do not come back at the same moment."""

_log = get_log("decisions")


def pause(moved: int) -> float:
    """The seconds until the next look, when the last one has moved so many records.

    At a steady rate this comes to rest: at 20 records a second near a tick, from 160 on at `GATHER_SECONDS`.
    """
    return min(TICK_SECONDS * (1 + moved / FEW), GATHER_SECONDS)


@dataclass(frozen=True, slots=True)
class _Part:
    """Records that follow each other in a segment, the offset after them, and why there are no more."""

    records: tuple[Stored, ...]
    end: int
    stop: Stop


class Shipper:
    """Ships the spool of one replica, whose name the folder has, into the replica's chain."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        partitions: Partitions | None = None,
        *,
        urgent: Executor | None = None,
        behind: int = BEHIND,
    ) -> None:
        """`urgent` ships what is more bytes `behind`: a thread of a higher priority, so that it comes to an end."""
        self._folder = folder
        self._database = database
        self._partitions = partitions or Partitions()
        self._urgent = urgent
        self._behind = behind
        self._positions: dict[str, int] = {}
        self._shipped: dict[str, int] = {}
        self._reported: set[str] = set()
        self.moved = 0
        """Records that this shipper has moved."""
        self.failures = 0
        """Times that it could not ship."""

    @property
    def shipped(self) -> Mapping[str, int]:
        """How far each segment is in the log at least, as this shipper knows, also while the database is away."""
        return dict(self._shipped)

    def run(self, stop: threading.Event) -> None:
        """Ships until `stop` is set, then ships what is left. Waits longer and longer for a database that is away."""
        wait = TICK_SECONDS
        while True:
            is_last = stop.is_set()
            try:
                wait = pause(self.ship())
            except (FactsUnavailable, OSError) as error:
                self.failures += 1
                wait = min(wait * 2, MOST_SECONDS)
                _log.warning("ship.failed", folder=str(self._folder), error=str(error), next_try_seconds=wait)
            if is_last:
                return
            stop.wait(wait * random.uniform(1 - JITTER, 1))  # noqa: S311  # no secret hangs on it

    def ship(self) -> int:
        """Moves everything that is whole in the spool now; how many records. FactsUnavailable keeps the rest there."""
        sweep(self._folder)
        moved = 0
        for path in segments(self._folder):
            try:
                with reading(path) as segment:
                    moved += self._ship_segment(path, segment)
            except FileNotFoundError:  # another shipper has finished it
                self._positions.pop(path.name, None)
                self._shipped.pop(path.name, None)
            except OSError as error:  # no other waits for one that the system does not let be read
                self.failures += 1
                self._report(path, self._shipped.get(path.name, 0), why(error))
        return moved

    def _ship_segment(self, path: Path, segment: OpenSegment) -> int:
        moved = 0
        # Taken out, and put back when all went well: after a failure only the database knows the position.
        position = self._positions.pop(path.name, None)
        if position is None:
            position = self._stored_position(path.name)
        self._shipped[path.name] = position
        while True:
            part, is_ours = self._move(path.name, segment.descriptor, position)
            if not is_ours:
                return moved
            if part.end > position:
                moved += len(part.records)
                self.moved += len(part.records)
                position = self._shipped[path.name] = part.end
            if part.stop is not Stop.ENOUGH:
                break
        if segment.is_final:
            self._finish(path, position, part.stop)
        else:
            self._positions[path.name] = position
            if part.stop in UNREADABLE:
                self._report(path, position, part.stop.value)
        return moved

    def _move(self, segment: str, descriptor: int, position: int) -> tuple[_Part, bool]:
        """The next part, which is in the log when this returns; whether by this shipper's hand."""

        def move() -> tuple[_Part, bool]:
            part = _read_part(descriptor, position)
            return part, part.end == position or self._commit(segment, position, part)

        if self._urgent is None or os.fstat(descriptor).st_size - position <= self._behind:
            return move()
        return self._urgent.submit(move).result()

    def _stored_position(self, segment: str) -> int:
        query = select(spool_position.c.position).where(spool_position.c.segment == segment)
        with self._database.read() as connection:
            return connection.execute(query).scalar() or 0

    def _commit(self, segment: str, position: int, part: _Part) -> bool:
        """Whether these records are in the log now by this shipper's hand."""
        rows = [decision_row(record) for record in part.records]
        beside = {table: [row for record in part.records for row in make(record)] for table, make in CHILDREN.items()}
        with self._database.write() as connection:
            write_much(connection)
            if not _advance(connection, segment, position, part.end):
                return False
            with self._partitions.covering(connection, [record.id for record in part.records]):
                insert_rows(connection, decision, rows)
                for table, children in beside.items():
                    insert_rows(connection, table, children)
            if rows:
                append(connection, self._folder.name, [(str(row["id"]), str(row["body"])) for row in rows])
        return True

    def _finish(self, path: Path, position: int, stop: Stop) -> None:
        """Puts a segment away that nobody writes to and that is shipped up to `position`."""
        match stop:
            case Stop.UNKNOWN_VERSION:
                self._report(path, position, stop.value)
                return  # it stays, and so does what is known of it
            case Stop.DAMAGED:
                path.rename(path.with_suffix(ASIDE))
                _log.error("segment.set_aside", segment=path.name, valid_bytes=position)
            case _:
                torn_bytes = path.stat().st_size - position
                path.unlink(missing_ok=True)
                if stop is Stop.TORN:
                    _log.warning("segment.torn", segment=path.name, valid_bytes=position, torn_bytes=torn_bytes)
        self._shipped.pop(path.name, None)

    def _report(self, path: Path, position: int, cause: str) -> None:
        if path.name not in self._reported:
            self._reported.add(path.name)
            _log.error("segment.unreadable", segment=path.name, valid_bytes=position, why=cause)


def _read_part(descriptor: int, position: int) -> _Part:
    run = read_run(descriptor, position, CHUNK)
    records: list[Stored] = []
    end = position
    for frame in run.frames:
        try:
            records += stored_batch(frame.payload)
        except LaterFormat:
            return _Part(tuple(records), end, Stop.UNKNOWN_VERSION)
        except BadPayload:
            return _Part(tuple(records), end, Stop.DAMAGED)
        end = frame.end
    return _Part(tuple(records), end, run.stop)


def _advance(connection: Connection, segment: str, old: int, new: int) -> bool:
    """Moves the position, if it is still the old one. Of two that begin a segment, one breaks the primary key."""
    now = time_ns() // 1_000_000
    if old == 0:
        connection.execute(insert(spool_position).values(segment=segment, position=new, moved_at=now))
        return True
    at_old = (spool_position.c.segment == segment) & (spool_position.c.position == old)
    return connection.execute(update(spool_position).where(at_old).values(position=new, moved_at=now)).rowcount == 1
