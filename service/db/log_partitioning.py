"""Partitions plain tables of the decision log on PostgreSQL; what they hold becomes the first partition.

Law: no row is written anew but those whose ids are ahead of the clock, and none is lost.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, text

from service.db.log_partitions import DAY_MS, HOUR_MS, Partition, Partitions, first_id, install, moment_of, partitions

LAST_MS: Final = 4_102_444_800_000
"""The year 2100: ids from then on are of clocks that are wrong, and share the last partition."""


def partition(connection: Connection, keys: Mapping[str, str], *, now: int) -> None:
    """Partitions tables by their keys, UUIDs. `decision` is one of them, or is partitioned already."""
    install(connection)
    ranges = partitions(connection)
    if not ranges:
        is_empty = connection.execute(text("SELECT NOT EXISTS (SELECT FROM decision)")).scalar_one()
        today = now - now % DAY_MS
        ranges = [Partition(0, today if is_empty else today + DAY_MS), Partition(LAST_MS, 1 << 48)]
    for table, key in keys.items():
        _partition(connection, table, key, ranges)
    for table, key in keys.items():
        _put_ahead(connection, table, key)


def _partition(connection: Connection, table: str, key: str, ranges: Sequence[Partition]) -> None:
    constraints = connection.execute(text(_CONSTRAINTS), {"of": table}).all()
    indexes = connection.execute(text(_INDEXES), {"of": table}).all()
    first = f"{table}_first"
    run = connection.exec_driver_sql
    run(f"ALTER TABLE {table} RENAME TO {first}")
    for name, _ in constraints:
        run(f"ALTER TABLE {first} RENAME CONSTRAINT {name} TO {name}_first")
    for name, _ in indexes:
        run(f"ALTER INDEX {name} RENAME TO {name}_first")
    run(f"CREATE TABLE {table} (LIKE {first} INCLUDING DEFAULTS) PARTITION BY RANGE ({key})")
    for name, definition in constraints:
        run(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for _, definition in indexes:
        run(definition)
    run(f"CREATE TEMPORARY TABLE {table}_ahead (LIKE {first}) ON COMMIT DROP")
    ahead = f"DELETE FROM {first} WHERE {key} >= '{first_id(ranges[0].until_ms)}' RETURNING *"  # noqa: S608
    run(f"WITH ahead AS ({ahead}) INSERT INTO {table}_ahead SELECT * FROM ahead")  # noqa: S608
    # Its indexes are taken over with it: they are those of the new table.
    run(f"ALTER TABLE {table} ATTACH PARTITION {first} FOR VALUES {_bounds(ranges[0])}")
    for each in ranges[1:]:
        run(f"CREATE TABLE {table}_{_suffix(each)} PARTITION OF {table} FOR VALUES {_bounds(each)}")


def _put_ahead(connection: Connection, table: str, key: str) -> None:
    """Puts the rows where they go whose ids are not of the first partition."""
    starts = connection.exec_driver_sql(f"SELECT DISTINCT left({key}::text, 13) FROM {table}_ahead").scalars()  # noqa: S608
    for hour in sorted({moment_of(start) // HOUR_MS for start in starts}):
        Partitions().make(connection, hour * HOUR_MS)
    connection.exec_driver_sql(f"INSERT INTO {table} SELECT * FROM {table}_ahead")  # noqa: S608


def _bounds(each: Partition) -> str:
    low = "MINVALUE" if each.first_ms == 0 else f"'{first_id(each.first_ms)}'"
    high = "MAXVALUE" if each.until_ms == 1 << 48 else f"'{first_id(each.until_ms)}'"
    return f"FROM ({low}) TO ({high})"


def _suffix(each: Partition) -> str:
    if each.until_ms == 1 << 48:
        return "last"
    return datetime.fromtimestamp(each.first_ms / 1000, UTC).strftime("%Y%m%dt%H")


_CONSTRAINTS: Final = """
SELECT quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = CAST(:of AS regclass) AND contype = 'p'
"""
_INDEXES: Final = """
SELECT quote_ident(indexname), indexdef FROM pg_indexes
WHERE schemaname = current_schema() AND tablename = :of
  AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE conrelid = CAST(:of AS regclass))
"""
