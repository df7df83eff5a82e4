"""Which ids the records of a stretch of time have: the log is ordered by ids, and asked for by times.

Law: ids bound a search only where they leave nothing out. A record whose id names another time than its own, by more
than SLACK_MS, is a stray, as when the clock was set in the middle of a call; an index has the strays, and a stretch of
time with one of them is not bounded.
"""

from typing import Final, NamedTuple

from sqlalchemy import BigInteger, Connection, bindparam, text

from service.db.log_partitions import first_id

SLACK_MS: Final = 60_000
"""How far the time that an id names may be from that of its record: a call waits in between, if for facts."""
IS_STRAY: Final = (
    "(abs(time - CAST(CAST('x0000' || left(replace(CAST(id AS text), '-', ''), 12) AS bit(64)) AS bigint)) > 60000)"
)
"""Whether a row of `decision` on PostgreSQL is a stray."""
_EVER: Final = 1 << 62


class Bounds(NamedTuple):
    """The first id that may be one, and the first behind all that may; None for no bound."""

    first: str | None
    behind: str | None


UNBOUNDED: Final = Bounds(None, None)


def id_bounds(connection: Connection, since: int | None, until: int | None) -> Bounds:
    """Those of the ids that records of that time have (milliseconds; None for ever).

    None on SQLite, where the log is one table, with an index of times.
    """
    if connection.dialect.name != "postgresql" or (since is None and until is None):
        return UNBOUNDED
    low, high = -_EVER if since is None else since, _EVER if until is None else until
    if connection.execute(_HAS_STRAY, {"since": low, "until": high}).scalar_one():
        return UNBOUNDED
    return Bounds(None if since is None else _id_of(low - SLACK_MS), None if until is None else _id_of(high + SLACK_MS))


def _id_of(moment: int) -> str:
    return first_id(min(max(moment, 0), (1 << 48) - 1))


_HAS_STRAY: Final = text(
    f"SELECT EXISTS (SELECT FROM decision WHERE {IS_STRAY} AND time >= :since AND time < :until)"  # noqa: S608
).bindparams(bindparam("since", type_=BigInteger), bindparam("until", type_=BigInteger))
