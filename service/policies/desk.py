"""Where workers lay down policies to be checked, and the background process of their replica the verdicts."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import delete, insert, select, update
from uuid_utils import uuid7

from service.db.engine import Database
from service.db.facts_tables import judgement
from service.policies.verdict import Verdict, read_verdict, write_verdict

KEPT_MS = 600_000
"""How long a verdict waits for the worker that asked for it, which may have died."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Policies to be checked, path → text."""

    id: str
    texts: Mapping[str, str]


class Desk:
    """The desk of one replica."""

    def __init__(self, database: Database, replica: str) -> None:
        self._database = database
        self._replica = replica

    def ask(self, texts: Mapping[str, str]) -> str:
        """Lays down texts; the id under which the verdict will be found."""
        id_, now = str(uuid7()), time.time_ns() // 1_000_000
        row = {"id": id_, "replica": self._replica, "texts": orjson.dumps(dict(texts)).decode(), "asked_at": now}
        with self._database.write() as connection:
            connection.execute(delete(judgement).where(judgement.c.asked_at < now - KEPT_MS))
            connection.execute(insert(judgement), row)
        return id_

    def find(self, id_: str) -> Verdict | None:
        """The verdict, once there is one."""
        with self._database.read() as connection:
            text = connection.execute(select(judgement.c.verdict).where(judgement.c.id == id_)).scalar_one_or_none()
        return None if text is None else read_verdict(text)

    def clear(self, id_: str) -> None:
        """Takes away what nobody needs any more."""
        with self._database.write() as connection:
            connection.execute(delete(judgement).where(judgement.c.id == id_))

    def next(self) -> Asked | None:
        """The oldest that waits for its verdict."""
        query = select(judgement.c.id, judgement.c.texts).order_by(judgement.c.asked_at).limit(1)
        waiting = query.where(judgement.c.replica == self._replica, judgement.c.verdict.is_(None))
        with self._database.read() as connection:
            row = connection.execute(waiting).one_or_none()
        return None if row is None else Asked(row.id, orjson.loads(row.texts))

    def answer(self, id_: str, verdict: Verdict) -> None:
        """Lays down the verdict; the texts are not needed any more."""
        told = {"verdict": write_verdict(verdict), "texts": "{}"}
        with self._database.write() as connection:
            connection.execute(update(judgement).where(judgement.c.id == id_).values(told))
