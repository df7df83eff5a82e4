"""Keeps the bundles that were pushed, each under its digest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy import Row, select, update

from service.db.dialect import insert_new
from service.db.engine import Database
from service.db.facts_tables import bundle
from service.errors import NotFound


@dataclass(frozen=True, slots=True)
class Pushed:
    """Policies that were pushed: by whom (`Type:id`), when (milliseconds since 1970 UTC), with what words."""

    digest: str
    pushed_by: str
    pushed_at: int
    message: str
    signature: bytes | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the list of bundles a page ended."""

    pushed_at: int
    digest: str


class BundleStore:
    """The bundles in the database of the facts. None is ever taken away, and only a signature ever changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, pushed: Pushed, texts: Mapping[str, str]) -> bool:
        """Keeps checked policies; false if they were pushed before, of which the first push stands."""
        row = {
            "digest": pushed.digest,
            "texts": orjson.dumps(dict(texts)).decode(),
            "pushed_by": pushed.pushed_by,
            "pushed_at": pushed.pushed_at,
            "message": pushed.message,
            "signature": pushed.signature,
        }
        with self._database.write() as connection:
            kept = connection.execute(insert_new(connection, bundle).values(row).returning(bundle.c.digest))
            return kept.first() is not None

    def sign(self, digest: str, signature: bytes) -> None:
        """Keeps a signature, which was checked, in the place of the bundle's own."""
        with self._database.write() as connection:
            connection.execute(update(bundle).where(bundle.c.digest == digest).values(signature=signature))

    def fetch(self, digest: str) -> tuple[Pushed, dict[str, str]]:
        """The policies of that digest, path → text; NotFound."""
        with self._database.read() as connection:
            row = connection.execute(select(*_ABOUT, bundle.c.texts).where(bundle.c.digest == digest)).one_or_none()
        if row is None:
            raise NotFound(f"no policies `{digest}` were pushed")
        return _pushed(row), orjson.loads(row.texts)

    def resolve(self, prefix: str) -> str:
        """The one digest that begins so; NotFound where there is none, or more than one."""
        query = select(bundle.c.digest).where(bundle.c.digest.startswith(prefix, autoescape=True)).limit(2)
        with self._database.read() as connection:
            found = connection.execute(query).scalars().all()
        if len(found) != 1 or not prefix:
            what = "more than one bundle begins so" if found and prefix else "nothing like it was pushed"
            raise NotFound(f"`{prefix}` is no bundle: {what}")
        return str(found[0])

    def newest(self, limit: int, before: Place | None = None) -> Sequence[Pushed]:
        """Bundles from the newest on, so many at the most; those that come after the place."""
        query = select(*_ABOUT).order_by(bundle.c.pushed_at.desc(), bundle.c.digest.desc()).limit(limit)
        if before is not None:
            same_time = (bundle.c.pushed_at == before.pushed_at) & (bundle.c.digest < before.digest)
            query = query.where((bundle.c.pushed_at < before.pushed_at) | same_time)
        with self._database.read() as connection:
            return [_pushed(row) for row in connection.execute(query)]


_ABOUT: Final = (
    bundle.c.digest, bundle.c.pushed_by, bundle.c.pushed_at, bundle.c.message, bundle.c.signature,
)  # fmt: skip


def _pushed(row: Row[*tuple[object, ...]]) -> Pushed:
    return Pushed(row.digest, row.pushed_by, row.pushed_at, row.message, row.signature)
