"""Reads what changed after a revision, in one statement and so of one moment."""

from typing import Final, NamedTuple

from sqlalchemy import Dialect, Select, bindparam, literal_column, select

from service.db.engine import Prepared, Reading
from service.db.facts_tables import change, revision
from service.errors import FactsUnavailable

REVISIONS: Final = 10_000
"""Revisions that a reader catches up with one by one; one that is further behind finds a gap."""

ChangeRow = tuple[str, int, int | None, int, str, str]
"""Epoch and number of the last revision; of a change its revision (None: no change), format, kind and key."""


class Told(NamedTuple):
    """A change of revision `n`, as its row says it."""

    n: int
    format: int
    kind: str
    key: str


class Polled(NamedTuple):
    """The last revision, and the changes up to it that are still told, in their order."""

    epoch: str
    n: int
    changes: tuple[Told, ...]


def changes_after(dialect: Dialect) -> Prepared[ChangeRow]:
    """The statement: changes after the revision `after`."""
    return Prepared(str(_statement().compile(dialect=dialect)))


def poll(reading: Reading, statement: Prepared[ChangeRow], after: int) -> Polled:
    """What changed after a revision; FactsUnavailable where there is no revision at all."""
    rows = reading.fetch(statement, {"after": after})
    if not rows:
        raise FactsUnavailable("the facts have no revision: their tables are not complete")
    epoch, head = rows[0][:2]
    return Polled(
        epoch, head, tuple([Told(n, format_, kind, key) for _, _, n, format_, kind, key in rows if n is not None])
    )


def _statement() -> Select[*tuple[object, ...]]:
    is_new = change.c.revision > bindparam("after", type_=change.c.revision.type)
    is_near = change.c.revision > revision.c.n - literal_column(str(REVISIONS))
    told = revision.outerjoin(change, is_new & is_near)
    return (
        select(
            revision.c.epoch, revision.c.n, change.c.revision.label("at"), change.c.format, change.c.kind, change.c.key
        )
        .select_from(told)
        .order_by(change.c.revision, change.c.ordinal)
    )
