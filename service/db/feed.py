"""Ends every write: raises the revision and leaves one row for each thing that changed, for caches to follow.

Law (runtime.md, Change feed): a revision has at least one row, so a reader that finds none between two knows of a gap.
"""

import secrets
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import orjson
from sqlalchemy import Connection, String, Update, bindparam, delete, func, insert, select, update

from policy_lang.values import Ref
from service.db.facts_tables import change, revision
from service.errors import FactsUnavailable

CHANNEL: Final = "magistrate_change"
"""Where PostgreSQL notifies of a commit that changed something."""
FORMAT: Final = 1
"""The version of what a change row says; a reader takes one that it does not know for a change of everything."""
LIMIT: Final = 1000
"""Changes of one write that are told apart; past that, everything has changed."""


class Change(NamedTuple):
    """Something that a write changed: its kind, and which one of that kind."""

    kind: str
    key: str


ENTITY: Final = "entity"
"""An entity's attributes and parents; the key is its reference, `Type:id`."""
ASSIGNMENT: Final = "assignment"
"""The roles that a subject holds, anywhere; the key is the subject, `Type:id`."""
RELATION: Final = "relation"
"""The rows of a relation on a resource; the key is `relation Type:id`."""
REVOCATION: Final = "revocation"
"""A token, or all of a principal."""
API_KEY: Final = "api-key"
"""An API key; the key is its id."""
SESSION: Final = "session"
"""A session; the key is its id."""
ACTIVATION: Final = "activation"
"""The policies in force."""
EVERYTHING: Final = Change("*", "")
"""Anything may have changed."""
NO_TENANTS: Final[Mapping[Change, Collection[Ref]]] = MappingProxyType({})


def entity_change(ref: Ref) -> Change:
    """The change of an entity's attributes or parents."""
    return Change(ENTITY, str(ref))


def assignment_change(subject: Ref) -> Change:
    """The change of what roles a subject holds."""
    return Change(ASSIGNMENT, str(subject))


def relation_change(resource: Ref, relation: str) -> Change:
    """The change of whom a relation on a resource leads to."""
    return Change(RELATION, f"{relation} {resource}")


def advance(
    connection: Connection, changes: Iterable[Change], tenants: Mapping[Change, Collection[Ref]] = NO_TENANTS
) -> str:
    """Raises the revision by one, tells what changed (nothing named: everything), and gives it as `epoch.n`.

    `tenants` are those that a change concerns, for readers of one tenant; where it is not said, none of them hears.

    To be the last statements of a write: whoever takes a revision holds up every other write until its own commit.
    """
    told = list(dict.fromkeys(changes))
    if not 0 < len(told) <= LIMIT:
        told = [EVERYTHING]
    return _tell(connection, _ADVANCE, told, tenants)


def begin_epoch(connection: Connection) -> str:
    """Begins a new epoch, after a restore of the database, and gives its first revision.

    Revisions of before may name a state that is lost: no reader of one is told that it has been reached.
    """
    connection.execute(delete(change))
    return _tell(connection, _ADVANCE.values(epoch=secrets.token_hex(4)), [EVERYTHING])


def prune(connection: Connection, before: int) -> int:
    """Deletes the changes from before that time, in milliseconds, and gives how many there were."""
    return connection.execute(delete(change).where(change.c.at < before)).rowcount


def _tell(
    connection: Connection,
    statement: Update,
    told: Sequence[Change],
    tenants: Mapping[Change, Collection[Ref]] = NO_TENANTS,
) -> str:
    found = connection.execute(statement.returning(revision.c.epoch, revision.c.n)).one_or_none()
    if found is None:
        raise FactsUnavailable("the facts have no revision: their tables are not complete")
    now = time.time_ns() // 1_000_000
    connection.execute(
        insert(change),
        [
            {
                "revision": found.n,
                "ordinal": place,
                "format": FORMAT,
                "kind": each.kind,
                "key": each.key,
                "at": now,
                "tenants": _written(tenants.get(each)),
            }
            for place, each in enumerate(told)
        ],
    )
    if connection.dialect.name == "postgresql":
        # It is sent when the transaction commits, and not at all if it does not.
        connection.execute(_NOTIFY, {"channel": CHANNEL, "revision": str(found.n)})
    return f"{found.epoch}.{found.n}"


def _written(tenants: Collection[Ref] | None) -> str | None:
    return None if tenants is None else orjson.dumps(sorted(map(str, tenants))).decode()


_ADVANCE: Final = update(revision).values(n=revision.c.n + 1)
_NOTIFY: Final = select(func.pg_notify(bindparam("channel", type_=String), bindparam("revision", type_=String)))
