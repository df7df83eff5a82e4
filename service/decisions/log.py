"""Finds decisions in the log, the newest first.

Pages are told apart by id: the next one begins before the last id of this one, however much was added meanwhile.
Attributes that no index has are looked for record by record, within a range of time and so many records at a time.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, select

from service.db.engine import Database
from service.db.log_spans import UNBOUNDED, Bounds, id_bounds
from service.db.log_tables import decision, decision_attribute, spool_position
from service.decisions.log_filter import LogFilter, check_filter, fits, narrowed
from service.decisions.payload import BadPayload, decode_record
from service.decisions.rows import indexed
from service.decisions.segments import segments, valid_end
from service.errors import FactsUnavailable, InvalidRequest, Trouble, Violation
from service.model import DecisionRecord

PAGE_LIMIT: Final = 10_000
"""Records in one page."""
SCAN_LIMIT: Final = 50_000
"""Records that one page looks at for attributes which no index has, unless the settings say otherwise."""
_LOOK: Final = 500
"""Records that are looked at together."""

SpoolMark = Mapping[str, int]
"""How far each segment of a spool was written when it was looked at, of those that were not yet shipped so far."""


@dataclass(frozen=True, slots=True)
class Scan:
    """That a page ended because so many records were looked at, the last of which is of that time (milliseconds)."""

    limit: int
    reached: int


@dataclass(frozen=True, slots=True)
class Page:
    """Records, the newest first, and the `after` of the next page: None on the last."""

    records: tuple[DecisionRecord, ...]
    next_after: str | None
    scan: Scan | None = None


class DecisionLog:
    """The log's database, for reading. Its methods raise FactsUnavailable where that does not answer."""

    def __init__(self, database: Database, *, scan_limit: int = SCAN_LIMIT) -> None:
        """Attributes are found by index on the paths that the log has any rows of.

        Records from before the settings named a path (`record.find_by`) are not found by it.
        """
        self.database = database
        self._scan_limit = scan_limit

    def query(self, wanted: LogFilter, limit: int, after: str | None = None, *, timeout_ms: int | None = None) -> Page:
        """Up to `limit` (1 to PAGE_LIMIT) records that fit, those after the id `after` if it is given.

        ValueError for a limit out of bounds or an `after` that is no id, InvalidRequest for a filter that finds nothing
        ever.
        """
        if not 1 <= limit <= PAGE_LIMIT:
            raise ValueError(f"a page has 1 to {PAGE_LIMIT} records, not {limit}")
        check_filter(wanted)
        with readable(), self.database.read(timeout_ms) as connection:
            return self.page(connection, wanted, limit, after)

    def page(self, connection: Connection, wanted: LogFilter, limit: int, after: str | None = None) -> Page:
        """The same within a read transaction, of a filter that was checked."""
        paths = self._indexed(connection, wanted)
        if not wanted.attributes.keys() <= paths:
            return self._looked_for(connection, wanted, limit, after)
        bodies = _bodies(connection, wanted, limit + 1, after, paths=paths)
        records = tuple(decode_record(body) for body in bodies[:limit])
        return Page(records, records[-1].id if len(bodies) > limit else None)

    def show(self, id_: str, *, timeout_ms: int | None = None) -> DecisionRecord | None:
        """The record of that id, if it is in the log."""
        try:
            query = select(decision.c.body).where(decision.c.id == str(UUID(id_)))
        except ValueError:
            return None
        with self.database.read(timeout_ms) as connection:
            body = connection.execute(query).scalar()
        with readable():
            return None if body is None else decode_record(body)

    def unshipped(self, folder: Path) -> SpoolMark:
        """What the spool holds now that is not yet in the log; OSError if its segments may not be read."""
        positions = self._positions([path.name for path in segments(folder)])
        ends = ((path.name, valid_end(path, positions.get(path.name, 0))) for path in segments(folder))
        return {name: end for name, end in ends if end > positions.get(name, 0)}

    def is_shipped(self, mark: SpoolMark) -> bool:
        """Whether all that the mark speaks of is in the log now."""
        positions = self._positions(list(mark))
        return all(positions.get(name, 0) >= end for name, end in mark.items())

    def _positions(self, names: list[str]) -> Mapping[str, int]:
        query = select(spool_position.c.segment, spool_position.c.position).where(spool_position.c.segment.in_(names))
        with self.database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def _indexed(self, connection: Connection, wanted: LogFilter) -> Set[str]:
        """Of the paths that are asked for, those that are found by index; each is one step of an index to find out."""
        first = select(decision_attribute.c.path).limit(1)
        named = (path for path in wanted.attributes if connection.scalar(first.where(_is_path(path))) is not None)
        return set(named)

    def _looked_for(self, connection: Connection, wanted: LogFilter, limit: int, after: str | None) -> Page:
        if wanted.since is None:
            lacking = _named(wanted.attributes.keys() - self._indexed(connection, wanted))
            raise InvalidRequest([Violation("since", f"required: no index has {lacking}")])
        found: list[DecisionRecord] = []
        reached = wanted.since
        for looked_at, record in enumerate(self._each(connection, wanted, after)):
            if looked_at >= self._scan_limit:
                return Page(tuple(found), after, Scan(self._scan_limit, reached))
            if fits(record, wanted.attributes):
                if len(found) == limit:
                    return Page(tuple(found), found[-1].id)
                found.append(record)
            after, reached = record.id, record.time
        return Page(tuple(found), None)

    def _each(self, connection: Connection, wanted: LogFilter, after: str | None) -> Iterator[DecisionRecord]:
        """The records that the columns find, a few in memory at a time."""
        paths = self._indexed(connection, wanted)
        while True:
            bodies = _bodies(connection, wanted, _LOOK, after, paths=paths)
            for body in bodies:
                record = decode_record(body)
                yield record
                after = record.id
            if len(bodies) < _LOOK:
                return


@contextmanager
def readable() -> Iterator[None]:
    """Reads records in the block; FactsUnavailable where one of them is none, as when somebody changed it."""
    try:
        yield
    except BadPayload as error:
        raise FactsUnavailable(
            f"the log holds what is no record of this version: {error}\nhelp: `magistrate log verify` finds it",
            Trouble.DATA,
        ) from error


def page_query(
    wanted: LogFilter,
    limit: int,
    after: str | None,
    indexed_paths: Collection[str] = (),
    *,
    bounds: Bounds = UNBOUNDED,
) -> "Select[str]":
    """The bodies of a page, ordered by the id of the table where the search begins: its index has that order.

    `bounds` are those of the ids that records of the wanted time have.
    """
    query, key = narrowed(select(decision.c.body), wanted, indexed_paths)
    if bounds.first is not None:
        query = query.where(key >= bounds.first)
    if bounds.behind is not None:
        query = query.where(key < bounds.behind)
    if after is not None:
        query = query.where(key < str(UUID(after)))
    return query.order_by(key.desc()).limit(limit)


def _bodies(
    connection: Connection, wanted: LogFilter, limit: int, after: str | None, *, paths: Collection[str]
) -> Sequence[str]:
    bounds = id_bounds(connection, wanted.since, wanted.until)
    return connection.execute(page_query(wanted, limit, after, paths, bounds=bounds)).scalars().all()


def _is_path(path: str) -> ColumnElement[bool]:
    return decision_attribute.c.path == indexed(path)


def _named(paths: Iterable[str]) -> str:
    return ", ".join(f"`{path}`" for path in sorted(paths))
