"""Lets writes of one thing take turns, and stops one whose caller has not seen the last (`if_revision`).

Law: who waits for a turn before looking cannot be overtaken between looking and writing.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, func, or_, select, text, tuple_

from service.db.engine import Database
from service.db.facts_tables import change, revision
from service.db.feed import EVERYTHING, FORMAT, Change
from service.errors import EntityChanged

FACTS_LOCK: Final = 0x6D61_6769_0006
"""The advisory lock that writes of facts share, and that an import has to itself while it merges, or a large write."""
MANY: Final = 64
"""Turns that a write takes one by one: each is a lock of the server, which has room for some thousands."""
_TURNS: Final = b"magistrate-turn:"


def share_facts(connection: Connection) -> None:
    """Waits until no import is merging, and lets none merge before this write is done; to be its first statement."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": FACTS_LOCK})


def take_turn(database: Database, connection: Connection, changes: Sequence[Change]) -> None:
    """Waits until no other write that took a turn for one of these is under way, nor an import merging."""
    keys = sorted({_key(each) for each in changes})
    if len(keys) > MANY:
        database.wait_for(connection, FACTS_LOCK)
        return
    share_facts(connection)
    # In one order for everybody, so that two never wait for each other.
    for key in keys:
        database.wait_for(connection, key)


def refuse_changed(connection: Connection, changes: Sequence[Change], since: str) -> None:
    """EntityChanged if one of these has changed since that revision, or if the feed does not go back so far."""
    epoch, number = _parse(since)
    current = connection.execute(select(revision.c.epoch, revision.c.n)).one()
    if epoch != current.epoch or number > current.n:
        raise EntityChanged("the revision is not one of these facts: read them again")
    if number == current.n:
        return
    first = connection.execute(select(func.min(change.c.revision))).scalar()
    if first is None or first > number + 1:
        raise EntityChanged("the revision is too old to tell what changed since: read again")
    told = tuple_(change.c.kind, change.c.key).in_([tuple(each) for each in (*changes, EVERYTHING)])
    query = select(change.c.revision).where(change.c.revision > number, or_(told, change.c.format != FORMAT)).limit(1)
    if connection.execute(query).first() is not None:
        raise EntityChanged("it has changed since that revision: read it again")


def _parse(text: str) -> tuple[str, int]:
    epoch, _, number = text.rpartition(".")
    if not epoch or not number.isascii() or not number.isdigit() or len(number) > 18:
        raise EntityChanged("the revision is none of this service's: read again")
    return epoch, int(number)


def _key(each: Change) -> int:
    """A key for an advisory lock; two things that share one wait for each other without need, and no more."""
    digest = hashlib.blake2b(f"{each.kind} {each.key}".encode(), digest_size=8, person=_TURNS[:16]).digest()
    return int.from_bytes(digest, "big", signed=True)
