"""Keeps sums of the calls that were not authenticated, in the log beside the record and outside of its spool.

Law (runtime.md, The record): what strangers do fills at most so many rows a minute, and no room that records need.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import bindparam, delete, select, update

from service.db.dialect import insert_new
from service.db.engine import Database
from service.db.log_tables import unauthenticated

MINUTE_MS: Final = 60_000
KEPT_MS: Final = 30 * 24 * 60 * MINUTE_MS


class Sum(NamedTuple):
    """So many calls in the minute that began at `minute` (milliseconds since 1970 UTC), for one reason, from there."""

    minute: int
    replica: str
    reason: str
    network: str
    calls: int


class Unauthenticated:
    """Writes and reads the sums; FactsUnavailable where the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, replica: str, counts: Mapping[tuple[str, str], int], now: int) -> None:
        """Adds what one worker counted, by (reason, network), to what others of the replica did in that minute.

        What is older than `KEPT_MS` goes with the same write.
        """
        minute = now - now % MINUTE_MS
        keys = [
            {"minute": minute, "replica": replica, "reason": _plain(reason), "network": network}
            for reason, network in counts
        ]
        sums = [
            {f"its_{name}": value for name, value in key.items()} | {"more": more}
            for key, more in zip(keys, counts.values(), strict=True)
        ]
        with self._database.write() as connection:
            connection.execute(insert_new(connection, unauthenticated), [{**key, "calls": 0} for key in keys])
            connection.execute(_ADD, sums)
            connection.execute(delete(unauthenticated).where(unauthenticated.c.minute < now - KEPT_MS))

    def since(self, moment: int, limit: int) -> Sequence[Sum]:
        """The sums of the minutes from then on, the newest first, and of one minute the largest."""
        table = unauthenticated.c
        query = select(unauthenticated).where(table.minute >= moment - moment % MINUTE_MS)
        order = (table.minute.desc(), table.calls.desc(), table.replica, table.reason, table.network)
        with self._database.read() as connection:
            return [Sum(*row) for row in connection.execute(query.order_by(*order).limit(limit))]


def _plain(reason: str) -> str:
    """PostgreSQL keeps no NUL, and nobody's terminal shall be commanded."""
    return "".join(letter if letter.isprintable() else "?" for letter in reason)


_ADD: Final = (
    update(unauthenticated)
    .where(*(column == bindparam(f"its_{column.name}") for column in unauthenticated.primary_key.columns))
    .values(calls=unauthenticated.c.calls + bindparam("more"))
)
