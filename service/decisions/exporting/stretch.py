"""Reads one chain for an export, as far as each checkpoint has seen it, and says which lines that comes to.

Law: from a record that is asked for on, every place is in the export up to the next checkpoint, for only so it is
proven; what is not asked for is there as a hash alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, select

from service.db.engine import Database
from service.db.log_partitions import hold_partitions
from service.db.log_tables import chain_link, decision
from service.decisions.chain import Head, begin
from service.decisions.exporting.lines import Bare, Place, Recorded
from service.decisions.log_filter import LogFilter, fits, narrowed
from service.decisions.payload import decode_record

PAGE: Final = 1000
"""Places in memory at once."""

_Link = Row[Any, Any, Any, Any, Any, Any]


class ChainStretch:
    """How far the reading of one chain has come."""

    def __init__(self, database: Database, head: Head, wanted: LogFilter) -> None:
        self.head = head
        self._database = database
        self._wanted = wanted
        self._is_whole = wanted == LogFilter()
        self._read = 0
        self._hash = begin(head.replica).hash
        self._written = 0
        self._is_open = self._is_whole
        self.first = 0
        """The first place that is in the export."""
        self.records = 0
        """How many records are."""

    @property
    def last(self) -> int:
        """The last place that is in the export."""
        return self._written

    def lines(self, until: int) -> Iterator[Recorded | Bare]:
        """What stands in the export up to that place."""
        until = min(until, self.head.sequence)
        while self._read < until:
            links, bodies = self._page(until)
            for link in links:
                line = self._line(link, bodies.get(link.decision_id))
                self._read, self._hash = link.sequence, link.chain_hash
                if line is not None:
                    yield line
            if len(links) < PAGE:
                self._read = until

    def close(self, sequence: int) -> bool:
        """Ends what a checkpoint proves that has seen it up to there; whether that is anything in the export."""
        if not self._is_open or self._written != sequence:
            return False
        self._is_open = self._is_whole
        return True

    def _line(self, link: _Link, body: str | None) -> Recorded | Bare | None:
        is_asked = body is not None or self._is_whole
        if not is_asked and not self._is_open:
            return None
        self._is_open = True
        follows = self._written == link.sequence - 1
        place = Place(self.head.replica, link.sequence, None if follows else self._hash, link.chain_hash)
        self.first = self.first or link.sequence
        self._written = link.sequence
        if body is None:
            return Bare(place, link.record_hash, link.note if self._is_whole else None)
        self.records += 1
        return Recorded(place, link.salt, body)

    def _page(self, until: int) -> tuple[Sequence[_Link], Mapping[str, str]]:
        columns = chain_link.c
        query = (
            select(
                columns.sequence, columns.decision_id, columns.salt, columns.record_hash, columns.chain_hash,
                columns.note,
            )
            .where(columns.replica == self.head.replica, columns.sequence > self._read, columns.sequence <= until)
            .order_by(columns.sequence)
            .limit(PAGE)
        )  # fmt: skip
        asked, _ = narrowed(select(decision.c.id, decision.c.body), self._wanted)
        with self._database.read() as connection:
            hold_partitions(connection)
            links = connection.execute(query).all()
            found = connection.execute(asked.where(decision.c.id.in_([link.decision_id for link in links]))).all()
        return links, {id_: body for id_, body in found if self._fits(body)}

    def _fits(self, body: str) -> bool:
        """Whether it fits what no condition of the database says."""
        attributes = self._wanted.attributes
        return not attributes or fits(decode_record(body), attributes)
