"""Where workers lay down work for the background process of their replica, and that the outcome."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from sqlalchemy import delete, insert, select, update
from uuid_utils import uuid7

from service.db.engine import Database
from service.db.facts_tables import errand
from service.deadline import is_gone
from service.errors import DeadlineExceeded

KEPT_MS: Final = 600_000
"""How long an outcome waits for the worker that asked for it, which may have died."""
ASKED_MS: Final = 86_400_000
"""How long work waits for an outcome: longer than any takes; a replica may be gone for good."""

LOOK_SECONDS: Final = 0.02
"""Between looks for an outcome."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """Work that was laid down; `question` says what is to be done, in a form of its kind."""

    id: str
    question: str


class Desk:
    """The desk of one replica for one kind of work."""

    def __init__(self, database: Database, replica: str, kind: str) -> None:
        self._database = database
        self._replica = replica
        self._kind = kind

    def ask(self, question: str) -> str:
        """Lays down work; the id under which the outcome will be found."""
        id_, now = str(uuid7()), time.time_ns() // 1_000_000
        row = {"id": id_, "replica": self._replica, "kind": self._kind, "question": question, "asked_at": now}
        with self._database.write() as connection:
            is_left = errand.c.answer.is_not(None) & (errand.c.asked_at < now - KEPT_MS)
            connection.execute(delete(errand).where(is_left | (errand.c.asked_at < now - ASKED_MS)))
            connection.execute(insert(errand), row)
        return id_

    def outcome(self, question: str, within: float) -> str:
        """Lays down work and waits for its outcome, `within` so many seconds, or until its caller is gone.

        DeadlineExceeded; then nobody does it any more.
        """
        id_ = self.ask(question)

        def look() -> str | None:
            if is_gone():
                raise DeadlineExceeded(f"nobody waits for the {self._kind} any more")
            return self.find(id_)

        try:
            return awaited(look, within, f"the {self._kind} did not come in time")
        finally:
            self.clear(id_)

    def find(self, id_: str) -> str | None:
        """The outcome, once there is one."""
        with self._database.read() as connection:
            return connection.execute(select(errand.c.answer).where(errand.c.id == id_)).scalar_one_or_none()

    def clear(self, id_: str) -> None:
        """Takes away what nobody needs any more."""
        with self._database.write() as connection:
            connection.execute(delete(errand).where(errand.c.id == id_))

    def next(self) -> Asked | None:
        """The oldest that waits for its outcome."""
        query = select(errand.c.id, errand.c.question).order_by(errand.c.asked_at).limit(1)
        ours = (errand.c.replica == self._replica) & (errand.c.kind == self._kind)
        with self._database.read() as connection:
            row = connection.execute(query.where(ours, errand.c.answer.is_(None))).one_or_none()
        return None if row is None else Asked(row.id, row.question)

    def is_wanted(self, id_: str) -> bool:
        """Whether somebody still waits for it."""
        with self._database.read() as connection:
            return connection.execute(select(errand.c.id).where(errand.c.id == id_)).first() is not None

    def answer(self, id_: str, answer: str) -> None:
        """Lays down the outcome, which is kept from now on; the question is not needed any more."""
        said = {"answer": answer, "question": "", "asked_at": time.time_ns() // 1_000_000}
        with self._database.write() as connection:
            connection.execute(update(errand).where(errand.c.id == id_).values(said))


def awaited(look: Callable[[], T | None], within: float, why: str) -> T:
    """What `look` comes to see; DeadlineExceeded, which says why, if that is not `within` so many seconds."""
    ends = time.monotonic() + within
    while (found := look()) is None:
        if time.monotonic() >= ends:
            raise DeadlineExceeded(why)
        time.sleep(LOOK_SECONDS)
    return found
