"""Erases the records that name somebody, under notes, if none of them is held.

Law: where one is held at the start, none is erased; what a hold that is placed meanwhile holds, stays. Who is named is
told by the columns of principal, caller and resource; who is mentioned in what was read or said, only every record's
body tells, so that is a search of its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy import ColumnElement, literal, select

from policy_lang.values import Ref
from service.db.engine import Database
from service.db.log_tables import decision
from service.decisions.retention.expiring import Witness
from service.decisions.retention.holds import TURN, Hold, holds, is_held, naming
from service.decisions.retention.naming import Naming
from service.decisions.retention.removing import STEP, Warrant, remove
from service.errors import RecordsHeld

_SCANNED: Final = 5000
"""Bodies that one statement looks at."""


@dataclass(frozen=True, slots=True)
class Erased:
    """How many records went, the numbers of the notes that say so, and how many do not fit their links, and stay."""

    records: int
    notes: tuple[int, ...]
    unfit: int


class Erasure:
    """The records that name one principal; `is_mentioned` says that those count too that only mention it."""

    def __init__(self, database: Database, principal: Ref, *, is_mentioned: bool) -> None:
        self._database = database
        self._principal = principal
        self._naming = Naming(principal)
        self._is_mentioned = is_mentioned

    def count(self) -> int:
        """How many there are; RecordsHeld where some are held."""
        self._refuse_held("none is erased")
        return len({id_ for ids in self._pages() for id_ in ids})

    def erase(self, warrant: Warrant, witness: Witness) -> Erased:
        """Takes them out. RecordsHeld where some are held; AuditUnavailable or FactsUnavailable where it cannot go on.

        What is done by then is done; doing it again does the rest.
        """
        self._refuse_held("none is erased")
        records = 0
        numbers: list[int] = []
        unfit: set[str] = set()  # one that stays is met again wherever else it names the principal
        for ids in self._pages():
            with self._database.alone(TURN) as connection:
                removal = remove(connection, ids, warrant)
                if removal.note is not None:
                    witness(removal.note)
            unfit.update(removal.unfit)
            if removal.note is not None:
                records += removal.note.content.records
                numbers.append(removal.note.content.number)
        self._refuse_held(f"{records} are erased, and those not")
        return Erased(records, tuple(numbers), len(unfit))

    def _refuse_held(self, outcome: str) -> None:
        with self._database.read() as connection:
            placed = holds(connection)
        holding = [hold for hold in placed if self._is_held_by(hold)]
        if holding:
            named = ", ".join(f"`{hold.name}` ({hold.reason})" for hold in holding)
            raise RecordsHeld(
                f"records of `{self._principal}` are held by {named}: {outcome}"
                "\nhelp: `magistrate log hold lift` lifts a hold"
            )

    def _is_held_by(self, hold: Hold) -> bool:
        condition = is_held([hold])
        return any(self._has_any(way, condition) for way in naming(self._principal)) or (
            self._is_mentioned and any(self._mentions(condition))
        )

    def _has_any(self, way: ColumnElement[bool], condition: ColumnElement[bool]) -> bool:
        with self._database.read() as connection:
            return connection.execute(select(decision.c.id).where(way, condition).limit(1)).first() is not None

    def _pages(self) -> Iterator[list[str]]:
        """Their ids, some more than once, STEP of them at most."""
        for way in naming(self._principal):
            after = _FIRST
            while ids := self._page(way, after):
                yield self._sure(ids, self._naming.names) if self._naming.is_shared else ids
                after = ids[-1]
        if self._is_mentioned:
            yield from self._mentions(literal(value=True))

    def _page(self, way: ColumnElement[bool], after: str) -> list[str]:
        key = decision.c.id
        with self._database.read() as connection:
            query = select(key).where(way, key > after).order_by(key).limit(STEP)
            return list(connection.execute(query).scalars())

    def _mentions(self, condition: ColumnElement[bool]) -> Iterator[list[str]]:
        """The records in whose bodies it stands, under a condition; every body is looked at."""
        key = decision.c.id
        needle = orjson.dumps(self._principal.id).decode()[1:-1]
        found = decision.c.body.contains(needle, autoescape=True) & condition
        after = _FIRST
        while True:
            with self._database.read() as connection:
                page = connection.execute(select(key, found).where(key > after).order_by(key).limit(_SCANNED)).all()
            suspects = [id_ for id_, is_found in page if is_found]
            for at in range(0, len(suspects), STEP):
                if sure := self._sure(suspects[at : at + STEP], self._naming.mentions):
                    yield sure
            if len(page) < _SCANNED:
                return
            after = page[-1][0]

    def _sure(self, ids: list[str], is_it: Callable[[str], bool]) -> list[str]:
        """Those whose bodies say so."""
        query = select(decision.c.id, decision.c.body).where(decision.c.id.in_(ids))
        with self._database.read() as connection:
            bodies = connection.execute(query).all()
        return [id_ for id_, body in bodies if is_it(body)]


_FIRST: Final = "00000000-0000-0000-0000-000000000000"
