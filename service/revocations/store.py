"""Keeps the revocations in the facts database; each write ends with the change that puts it in force on every worker.

Law: a revocation is never narrowed. Revoking anew only ever refuses more, for longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import Connection, Row, delete, select, tuple_

from policy_lang.values import Ref
from service.db.also import Also, nothing_else
from service.db.dialect import upsert
from service.db.engine import Database
from service.db.facts_tables import revocation
from service.db.feed import advance
from service.errors import NotFound
from service.revocations.revocation import (
    PRUNED,
    KeyName,
    LiftedPrincipal,
    Revocation,
    RevokedCertificate,
    RevokedKey,
    RevokedPrincipal,
    RevokedToken,
    TokenName,
    longest,
    revocation_change,
)

_LOCK: Final = 0x6D61_6769_0004
"""Revocations are written one at a time, so that none overwrites a wider one that it has not seen."""
_TOKEN: Final = "token"  # noqa: S105  # the kind of a row
_PRINCIPAL: Final = "principal"
_KEY: Final = "issuer_key"
_CERTIFICATE: Final = "certificate"
_LIFTED: Final = "lifted"


class RowKey(NamedTuple):
    """Where a revocation stands in the list of all."""

    kind: str
    space: str
    name: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """A revocation as it is kept: since when (milliseconds since 1970 UTC), and on whose word."""

    what: Revocation
    at: int
    by: str


class RevocationStore:
    """Writes and reads revocations; FactsUnavailable where the database does not answer."""

    def __init__(self, database: Database, also: Also = nothing_else) -> None:
        self._database = database
        self._also = also

    def add(self, wanted: Revocation, *, by: Ref, now: int) -> tuple[Revoked, str]:
        """Keeps a revocation; as it is kept now, and the revision from which it is in force."""
        with self._database.alone(_LOCK) as connection:
            kept = Revoked(_widened(connection, wanted), now, str(by))
            connection.execute(upsert(connection, revocation), [_row_of(kept)])
            changes = [revocation_change(kept.what)]
            if isinstance(wanted, RevokedPrincipal):
                changes += self._also(connection, wanted.principal, by=by, now=now)
            return kept, advance(connection, changes)

    def lift(self, principal: Ref, *, by: Ref, now: int) -> str:
        """Lets a revoked principal's certificates in again; the revision from which they are. NotFound if it is not."""
        with self._database.alone(_LOCK) as connection:
            found = _find(connection, RowKey(_PRINCIPAL, *principal))
            if found is None:
                raise NotFound(f"`{principal}` is not revoked")
            lifted = LiftedPrincipal(principal, found.issued_until, found.kept_until)
            connection.execute(upsert(connection, revocation), [_row_of(Revoked(lifted, now, str(by)))])
            return advance(connection, [revocation_change(lifted)])

    def all(self) -> Sequence[Revocation]:
        """Every revocation that is kept."""
        with self._database.read() as connection:
            return [_read(row).what for row in connection.execute(select(revocation))]

    def page(self, after: RowKey | None, size: int) -> Sequence[Revoked]:
        """At most so many revocations in the order of their keys, after that one."""
        key = list(revocation.primary_key.columns)
        query = select(revocation).order_by(*key).limit(size)
        if after is not None:
            query = query.where(tuple_(*key) > tuple_(*after))
        with self._database.read() as connection:
            return [_read(row) for row in connection.execute(query)]

    def prune(self, now: int) -> int:
        """Deletes what refuses nothing any more; how many."""
        ended = revocation.c.kept_until <= now
        with self._database.read() as connection:
            if connection.execute(select(revocation.c.name).where(ended).limit(1)).first() is None:
                return 0
        with self._database.alone(_LOCK) as connection:
            pruned = connection.execute(delete(revocation).where(ended)).rowcount
            if pruned:
                advance(connection, [PRUNED])
            return pruned


def key_of(what: Revocation) -> RowKey:
    """Where it stands in the list of all."""
    match what:
        case RevokedToken(name):
            return RowKey(_TOKEN, *name)
        case RevokedPrincipal(principal):
            return RowKey(_PRINCIPAL, *principal)
        case RevokedKey(key):
            return RowKey(_KEY, *key)
        case RevokedCertificate(fingerprint):
            return RowKey(_CERTIFICATE, "", fingerprint)
        case LiftedPrincipal(principal):
            return RowKey(_LIFTED, *principal)


def _widened(connection: Connection, wanted: Revocation) -> Revocation:
    """The revocation with what was revoked of the same before."""
    found = _find(connection, key_of(wanted))
    if found is None:
        return wanted
    kept_until = longest(wanted.kept_until, found.kept_until)
    match wanted:
        case RevokedToken(name):
            return RevokedToken(name, kept_until)
        case RevokedPrincipal(principal, issued_until):
            reach = max(issued_until, found.issued_until, _past_what_was_lifted(connection, principal))
            return RevokedPrincipal(principal, reach, kept_until)
        case RevokedKey(name):
            return RevokedKey(name, kept_until)
        case RevokedCertificate(fingerprint):
            return RevokedCertificate(fingerprint, kept_until)
        case LiftedPrincipal():
            return wanted


def _find(connection: Connection, key: RowKey) -> "Row[tuple[object, ...]] | None":
    columns = zip(revocation.primary_key.columns, key, strict=True)
    return connection.execute(select(revocation).where(*(column == value for column, value in columns))).one_or_none()


def _past_what_was_lifted(connection: Connection, principal: Ref) -> int:
    """What is revoked anew must reach further than what was lifted, also within the same second."""
    lifted = _find(connection, RowKey(_LIFTED, *principal))
    return 0 if lifted is None else int(lifted.issued_until) + 1


def _row_of(kept: Revoked) -> dict[str, str | int | None]:
    what = kept.what
    return {
        **key_of(what)._asdict(),
        "issued_until": _reach_of(what),
        "kept_until": what.kept_until,
        "revoked_at": kept.at,
        "revoked_by": kept.by,
    }


def _reach_of(what: Revocation) -> int | None:
    match what:
        case RevokedPrincipal(_, reach) | LiftedPrincipal(_, reach):
            return reach
        case _:
            return None


def _read(row: "Row[tuple[object, ...]]") -> Revoked:
    return Revoked(_what(row), row.revoked_at, row.revoked_by)


def _what(row: "Row[tuple[object, ...]]") -> Revocation:
    if row.kind == _TOKEN:
        return RevokedToken(TokenName(row.space, row.name), row.kept_until)
    if row.kind == _KEY:
        return RevokedKey(KeyName(row.space, row.name), row.kept_until)
    if row.kind == _CERTIFICATE:
        return RevokedCertificate(row.name, row.kept_until)
    if row.kind == _LIFTED:
        return LiftedPrincipal(Ref(row.space, row.name), row.issued_until, row.kept_until)
    return RevokedPrincipal(Ref(row.space, row.name), row.issued_until, row.kept_until)
