"""Finds in the log since when which decisions were left out of it by configuration."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from service.db.engine import Database
from service.db.log_tables import decision
from service.decisions.payload import BadPayload, decode_record
from service.permits import PREFIX

REDUCE: Final = f"{PREFIX}record.reduce"
"""The action of the record that states the rules; each start with rules makes one."""


@dataclass(frozen=True, slots=True)
class Reduction:
    """Rules by which a replica left decisions out: named so at that many starts, the first and the last of them."""

    replica: str
    rules: tuple[str, ...]
    starts: int
    first: int
    last: int


def find_reductions(database: Database) -> tuple[Reduction, ...]:
    """What was left out, by replica and rules, the earliest first; a record that was changed is for others to find."""
    query = select(decision.c.body).where(decision.c.action == REDUCE).order_by(decision.c.id)
    found: dict[tuple[str, tuple[str, ...]], Reduction] = {}
    with database.read() as connection:
        for body in connection.execute(query).scalars():
            try:
                record = decode_record(body)
            except BadPayload:
                continue
            replica, rules = record.resource.id, tuple(record.inputs)
            known = found.get((replica, rules))
            starts, first = (1, record.time) if known is None else (known.starts + 1, known.first)
            found[replica, rules] = Reduction(replica, rules, starts, first, record.time)
    return tuple(found.values())
