"""Keeps API keys in the facts database; a write that changes whom one lets in ends with the change that says so."""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson
from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update

from policy_lang.values import Ref
from service.authn.api_keys.api_key import ApiKey, Former, Mac
from service.db.engine import Database
from service.db.facts_tables import api_key
from service.db.feed import API_KEY, Change, advance
from service.errors import NotFound
from service.model import Scopes
from service.rate import Rate

KEPT_MS: Final = 24 * 60 * 60 * 1000
"""How long a key is kept after its end, so that whoever lists keys still sees it."""


class ApiKeyStore:
    """Writes and reads keys; FactsUnavailable where the database does not answer, NotFound where there is no such."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, key: ApiKey) -> str:
        """Keeps a new key; the revision from which it is good."""
        with self._database.write() as connection:
            connection.execute(insert(api_key), [_row_of(key)])
            return _advance(connection, key.id)

    def rotate(self, id_: str, mac: Mac, *, now: int, former_until: int) -> tuple[ApiKey, str]:
        """Gives a key another secret; the one that it has stays good until `former_until`, and none of before."""
        with self._database.write() as connection:
            key = _live(connection, id_, now)
            former = {"former_pepper": key.mac.pepper, "former_mac": key.mac.digest, "former_until": former_until}
            changed = {"pepper": mac.pepper, "mac": mac.digest, "rotated_at": now, **former}
            connection.execute(update(api_key).where(api_key.c.id == id_).values(**changed))
            rotated = _require(connection, id_)
            return rotated, _advance(connection, id_)

    def revoke(self, id_: str, *, by: Ref, now: int) -> str:
        """Refuses a key from now on, for ever; the revision from which it is."""
        with self._database.write() as connection:
            _require(connection, id_)
            first = update(api_key).where(api_key.c.id == id_, api_key.c.revoked_at.is_(None))
            connection.execute(first.values(revoked_at=now, revoked_by=str(by)))
            return _advance(connection, id_)

    def find(self, id_: str) -> ApiKey | None:
        """The key of that id."""
        with self._database.read() as connection:
            return _find(connection, id_)

    def page(self, after: str | None, size: int) -> Sequence[ApiKey]:
        """At most so many keys in the order of their ids, after that one."""
        query = select(api_key).order_by(api_key.c.id).limit(size)
        if after is not None:
            query = query.where(api_key.c.id > after)
        with self._database.read() as connection:
            return [_read(row) for row in connection.execute(query)]

    def names(self, type_: str) -> bool:
        """Whether a key names or belongs to anybody of that type."""
        named = or_(api_key.c.principal_type == type_, api_key.c.owner_type == type_)
        with self._database.read() as connection:
            return connection.execute(select(api_key.c.id).where(named).limit(1)).first() is not None

    def touch(self, used: Mapping[str, int]) -> None:
        """Notes when keys were used last, which changes nothing that anybody decides by."""
        with self._database.write() as connection:
            for id_, at in used.items():
                later = or_(api_key.c.last_used_at.is_(None), api_key.c.last_used_at < at)
                connection.execute(update(api_key).where(api_key.c.id == id_, later).values(last_used_at=at))

    def prune(self, now: int) -> int:
        """Deletes keys that ended, or were revoked, more than a day ago; how many.

        Without its row a key is unknown, and so refused.
        """
        long_ago = now - KEPT_MS
        ended = or_(api_key.c.expires_at <= long_ago, api_key.c.revoked_at <= long_ago)
        with self._database.read() as connection:
            if connection.execute(select(api_key.c.id).where(ended).limit(1)).first() is None:
                return 0
        with self._database.write() as connection:
            gone = [row.id for row in connection.execute(delete(api_key).where(ended).returning(api_key.c.id))]
            if gone:
                advance(connection, [Change(API_KEY, id_) for id_ in gone])
            return len(gone)


def revoke_keys_of(connection: Connection, principal: Ref, *, by: str, now: int) -> list[Change]:
    """Refuses the keys that name a principal, and those it owns, in a write that somebody else opened."""
    named = and_(api_key.c.principal_type == principal.type, api_key.c.principal_id == principal.id)
    owned = and_(api_key.c.owner_type == principal.type, api_key.c.owner_id == principal.id)
    first = update(api_key).where(or_(named, owned), api_key.c.revoked_at.is_(None))
    revoked = connection.execute(first.values(revoked_at=now, revoked_by=by).returning(api_key.c.id))
    return [Change(API_KEY, row.id) for row in revoked]


def _advance(connection: Connection, id_: str) -> str:
    return advance(connection, [Change(API_KEY, id_)])


def _find(connection: Connection, id_: str) -> ApiKey | None:
    row = connection.execute(select(api_key).where(api_key.c.id == id_)).one_or_none()
    return None if row is None else _read(row)


def _require(connection: Connection, id_: str) -> ApiKey:
    key = _find(connection, id_)
    if key is None:
        raise NotFound(f"there is no API key `{id_}`")
    return key


def _live(connection: Connection, id_: str, now: int) -> ApiKey:
    key = _require(connection, id_)
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        raise NotFound(f"the API key `{id_}` is revoked or has expired")
    return key


def _row_of(key: ApiKey) -> dict[str, str | int | bytes | None]:
    return {
        "id": key.id,
        "name": key.name,
        "principal_type": key.principal.type,
        "principal_id": key.principal.id,
        "owner_type": key.owner.type,
        "owner_id": key.owner.id,
        "scopes": _write_scopes(key.scopes),
        "per_minute": key.rate.per_minute if key.rate else None,
        "burst": key.rate.burst if key.rate else None,
        "pepper": key.mac.pepper,
        "mac": key.mac.digest,
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "revoked_by": "",
    }


def _read(row: "Row[tuple[object, ...]]") -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        principal=Ref(row.principal_type, row.principal_id),
        owner=Ref(row.owner_type, row.owner_id),
        scopes=_read_scopes(row.scopes),
        rate=Rate(row.per_minute, row.burst) if row.per_minute is not None else None,
        mac=Mac(row.pepper, bytes(row.mac)),
        former=_former(row),
        created_at=row.created_at,
        created_by=row.created_by,
        rotated_at=row.rotated_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        revoked_by=row.revoked_by,
    )


def _former(row: "Row[tuple[object, ...]]") -> Former | None:
    if row.former_mac is None:
        return None
    return Former(Mac(row.former_pepper, bytes(row.former_mac)), row.former_until)


def _write_scopes(scopes: Scopes) -> str:
    named = {"rpcs": scopes.rpcs, "actions": scopes.actions, "types": scopes.types}
    return orjson.dumps({name: sorted(texts) for name, texts in named.items()}).decode()


def _read_scopes(text: str) -> Scopes:
    return Scopes(**{name: frozenset(texts) for name, texts in orjson.loads(text).items()})
