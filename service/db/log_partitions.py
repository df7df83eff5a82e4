"""The partitions of the decision log on PostgreSQL, ranges of its UUIDv7 ids; on SQLite there are none.

Law: no row waits for a partition: the next ones are made ahead of time, and whoever writes makes what is still lacking,
be it for a clock that was set wrong. Ranges of all partitioned tables are the same, so that one can go as a whole.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from sqlalchemy import BigInteger, Connection, bindparam, text

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class Partition:
    """One range: the moment of its first id, and that of the first id behind it, in milliseconds since 1970 UTC."""

    first_ms: int
    until_ms: int


class Partitions:
    """Makes partitions of `span_ms`, whole hours, for what is to be written, and remembers which hours have one."""

    def __init__(self, span_ms: int = WEEK_MS) -> None:
        self._span = span_ms
        self._known: frozenset[int] = frozenset()

    @contextmanager
    def covering(self, connection: Connection, ids: Iterable[str]) -> Iterator[None]:
        """Has partitions for rows of these ids, for a block that writes them in this transaction."""
        if connection.dialect.name != "postgresql":
            yield
            return
        # Taken out, and put back when all went well: after a failure only the database knows what there is.
        known, self._known = self._known, frozenset()
        hours = {moment_of(id_) // HOUR_MS for id_ in ids}
        there = {hour for hour in sorted(hours - known) if not self.make(connection, hour * HOUR_MS)}
        yield
        self._known = known | there

    def make(self, connection: Connection, moment: int) -> bool:
        """Whether a partition had to be made for that moment; what is made is there when the transaction commits."""
        if connection.dialect.name != "postgresql":
            return False
        return connection.execute(_MAKE, {"moment": moment, "span": self._span}).scalar_one() is True


def partitions(connection: Connection) -> list[Partition]:
    """All of them, the earliest first; the first begins at 0. None on SQLite."""
    if connection.dialect.name != "postgresql":
        return []
    return [Partition(*row) for row in connection.execute(_ALL)]


def hold_partitions(connection: Connection) -> None:
    """Has whoever drops a partition wait until this transaction ends, which has read nothing yet.

    What is dropped is gone from every snapshot: one from before would have links as they were, and not their records.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_HOLD)


def drop(connection: Connection, partition: Partition) -> bool:
    """Drops a partition with the rows of every table in it; whether it was there."""
    return connection.execute(_DROP, {"low": partition.first_ms, "high": partition.until_ms}).scalar_one() is True


def moment_of(id_: str) -> int:
    """The moment that a UUIDv7 names, in milliseconds since 1970 UTC; of another UUID where it would stand."""
    return int(id_[:8] + id_[9:13], 16)


def first_id(moment: int) -> str:
    """The first id of that moment."""
    digits = f"{moment:012x}"
    return f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000"


def install(connection: Connection) -> None:
    """Makes the routines by which partitions are made, where there are none or older ones."""
    if connection.dialect.name == "postgresql":
        routines = files(__package__).joinpath("log_partitions.sql").read_text()
        schema = connection.execute(text("SELECT quote_ident(current_schema())")).scalar_one()
        connection.execute(text(routines.replace("{schema}", schema).replace("{lock}", str(_LOCK))))


_LOCK: Final = 0x6D61_6769_0002
"""The advisory lock of who makes or drops partitions."""

_MAKE: Final = text("SELECT magistrate_log_make_partition(:moment, :span)").bindparams(
    bindparam("moment", type_=BigInteger), bindparam("span", type_=BigInteger)
)
_HOLD: Final = text("LOCK TABLE ONLY decision IN ACCESS SHARE MODE")
_DROP: Final = text("SELECT magistrate_log_drop_partition(:low, :high)").bindparams(
    bindparam("low", type_=BigInteger), bindparam("high", type_=BigInteger)
)
_ALL: Final = text("SELECT first_ms, until_ms FROM magistrate_log_partitions()")
