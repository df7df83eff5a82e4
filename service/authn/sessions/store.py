"""Keeps sessions in the facts database; a write that ends one leaves the change that tells every worker."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select, update

from policy_lang.values import Ref
from service.authn.sessions.session import Purpose, Session
from service.db.engine import Database
from service.db.facts_tables import session
from service.db.feed import SESSION, Change, advance

KEPT_MS: Final = 24 * 60 * 60 * 1000
"""How long a session is kept after its end."""


class SessionStore:
    """Writes and reads sessions; FactsUnavailable where the database does not answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, opened: Session) -> str:
        """Keeps a new session; the revision from which it is good."""
        with self._database.write() as connection:
            connection.execute(insert(session), [_row_of(opened)])
            return advance(connection, [Change(SESSION, opened.id)])

    def end(self, id_: str, *, by: Ref, now: int) -> str | None:
        """Ends a session; the revision from which it has, None where there is none of that id that has not ended."""
        with self._database.write() as connection:
            ended = _end(connection, session.c.id == id_, str(by), now)
            return advance(connection, ended) if ended else None

    def end_all(self, principal: Ref, *, by: Ref, now: int) -> tuple[int, str | None]:
        """Ends every session of a principal: how many there were, and the revision from which they have."""
        with self._database.write() as connection:
            ended = end_sessions_of(connection, principal, by=str(by), now=now)
            return len(ended), advance(connection, ended) if ended else None

    def find(self, id_: str) -> Session | None:
        """The session of that id."""
        with self._database.read() as connection:
            row = connection.execute(select(session).where(session.c.id == id_)).one_or_none()
            return None if row is None else _read(row)

    def page(self, principal: Ref | None, after: str | None, size: int) -> Sequence[Session]:
        """At most so many sessions in the order of their ids, after that one; of one principal, or of all."""
        query = select(session).order_by(session.c.id).limit(size)
        if principal is not None:
            query = query.where(session.c.principal_type == principal.type, session.c.principal_id == principal.id)
        if after is not None:
            query = query.where(session.c.id > after)
        with self._database.read() as connection:
            return [_read(row) for row in connection.execute(query)]

    def names(self, type_: str) -> bool:
        """Whether a session names anybody of that type."""
        with self._database.read() as connection:
            named = select(session.c.id).where(session.c.principal_type == type_)
            return connection.execute(named.limit(1)).first() is not None

    def renew(self, used: Mapping[str, int]) -> None:
        """Notes when sessions were used, each once for all workers: one that a later use has renewed is left alone."""
        with self._database.write() as connection:
            for id_, at in used.items():
                renewed = update(session).where(session.c.id == id_, session.c.renewed_at < at)
                connection.execute(renewed.values(renewed_at=at))

    def prune(self, now: int) -> int:
        """Deletes sessions that ended more than a day ago; how many. Without its row one is unknown, and so refused."""
        over = session.c.ends_at <= now - KEPT_MS
        with self._database.read() as connection:
            if connection.execute(select(session.c.id).where(over).limit(1)).first() is None:
                return 0
        with self._database.write() as connection:
            gone = [row.id for row in connection.execute(delete(session).where(over).returning(session.c.id))]
            if gone:
                advance(connection, [Change(SESSION, id_) for id_ in gone])
            return len(gone)


def end_sessions_of(connection: Connection, principal: Ref, *, by: str, now: int) -> list[Change]:
    """Ends the sessions of a principal in a write that somebody else opened."""
    named = and_(session.c.principal_type == principal.type, session.c.principal_id == principal.id)
    return _end(connection, named, by, now)


def _end(connection: Connection, which: ColumnElement[bool], by: str, now: int) -> list[Change]:
    ended = update(session).where(which, session.c.revoked_at.is_(None)).values(revoked_at=now, revoked_by=by)
    return [Change(SESSION, row.id) for row in connection.execute(ended.returning(session.c.id))]


def _row_of(opened: Session) -> dict[str, str | int | bytes | None]:
    return {
        "id": opened.id,
        "digest": opened.digest,
        "principal_type": opened.principal.type,
        "principal_id": opened.principal.id,
        "purpose": opened.purpose.value,
        "idle_ms": opened.idle_ms,
        "opened_at": opened.opened_at,
        "opened_by": opened.opened_by,
        "renewed_at": opened.renewed_at,
        "ends_at": opened.ends_at,
        "revoked_by": "",
    }


def _read(row: "Row[tuple[object, ...]]") -> Session:
    return Session(
        id=row.id,
        digest=bytes(row.digest),
        principal=Ref(row.principal_type, row.principal_id),
        purpose=Purpose(row.purpose),
        idle_ms=row.idle_ms,
        opened_at=row.opened_at,
        opened_by=row.opened_by,
        renewed_at=row.renewed_at,
        ends_at=row.ends_at,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
    )
