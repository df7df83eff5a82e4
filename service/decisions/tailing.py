"""Follows the log as records are shipped, by the places in their chains, so that none is left out or told twice.

Ids are in the order of deciding, and a record may be shipped after others that are younger; chains have the order of
shipping, without gaps (chaining.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from service.db.log_tables import chain_link, decision
from service.decisions.chaining import heads
from service.decisions.log import DecisionLog, readable
from service.decisions.log_filter import LogFilter, check_filter, fits, narrowed
from service.decisions.payload import decode_record
from service.errors import InvalidRequest, Violation
from service.model import DecisionRecord

LAST_LIMIT: Final = 1000
"""Records from before that a tail begins with, at the most."""
WINDOW: Final = 500
"""Places of a chain that one step looks at."""
STEP_BYTES: Final = 1 << 20
"""And how much of records it tells, all chains together; of each chain with something new one at least."""

Positions = Mapping[str, int]
"""How far each replica's chain was followed: its last sequence."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What one step found, in the order of shipping, and up to where; whether there is more already."""

    records: tuple[DecisionRecord, ...]
    positions: Positions
    has_more: bool


class LogTail:
    """Follows the log; FactsUnavailable where its database does not answer."""

    def __init__(self, log: DecisionLog) -> None:
        self._log = log

    def begin(self, wanted: LogFilter, last: int, *, timeout_ms: int | None = None) -> Followed:
        """The last records that fit, the oldest first, and the end of the log from which to follow on.

        InvalidRequest for more than LAST_LIMIT, and for a filter that finds nothing ever.
        """
        check_last(last)
        check_filter(wanted)
        with readable(), self._log.database.read(timeout_ms) as connection:
            positions = {head.replica: head.sequence for head in heads(connection)}
            found = self._log.page(connection, wanted, last).records if last else ()
            return Followed(found[::-1], positions, has_more=False)

    def step(self, wanted: LogFilter, positions: Positions, *, timeout_ms: int | None = None) -> Followed:
        """What was shipped after those positions and fits, so many places of each chain at the most.

        InvalidRequest where a chain has not come so far: what it gets next would be passed over.
        """
        found: list[DecisionRecord] = []
        reached = dict(positions)
        with readable(), self._log.database.read(timeout_ms) as connection:
            every = heads(connection)
            _check_reached(positions, {head.replica: head.sequence for head in every})
            grown = [head for head in every if head.sequence > positions.get(head.replica, 0)]
            for head in grown:
                after = positions.get(head.replica, 0)
                between = (after, min(head.sequence, after + WINDOW))
                records, reached[head.replica] = _shipped(
                    connection, wanted, head.replica, between, room=STEP_BYTES // len(grown)
                )
                found += records
        has_more = any(reached[head.replica] < head.sequence for head in grown)
        return Followed(tuple(found), reached, has_more)


def check_last(last: int) -> None:
    """Returns for so many records as a tail may begin with; else InvalidRequest."""
    if not 0 <= last <= LAST_LIMIT:
        raise InvalidRequest([Violation("last", f"up to {LAST_LIMIT}")])


def _check_reached(positions: Positions, ends: Positions) -> None:
    short = sorted(replica for replica, position in positions.items() if ends.get(replica, 0) < position)
    if short:
        why = "the log was put back from a copy, or is another: query what you lack of it, and begin a tail anew"
        raise InvalidRequest([Violation("resume_token", f"the chain of `{short[0]}` ends before it; {why}")])


def _shipped(
    connection: Connection, wanted: LogFilter, replica: str, between: tuple[int, int], *, room: int
) -> tuple[list[DecisionRecord], int]:
    """The records of a chain behind the first place that fit, up to the second, or until they fill the room.

    And the place up to which these are all.
    """
    link = chain_link.c
    after, until = between
    query, _ = narrowed(select(link.sequence, decision.c.body).select_from(decision), wanted)
    query = (
        query.join(chain_link, link.decision_id == decision.c.id)
        .where(link.replica == replica, link.sequence > after, link.sequence <= until)
        .order_by(link.sequence)
    )
    found: list[DecisionRecord] = []
    for sequence, body in connection.execute(query):
        record = decode_record(body)
        if fits(record, wanted.attributes):
            found.append(record)
            room -= len(body)
        if room <= 0:
            return found, sequence
    return found, until
