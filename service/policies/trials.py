"""Keeps which pushed policies are tried out beside those in force, for all replicas."""

from typing import Final

from sqlalchemy import Connection, delete, select

from service.db.dialect import upsert
from service.db.engine import Database
from service.db.facts_tables import trial

_ONE: Final = 1
"""There is one trial at a time."""


class Trials:
    """The trial in the database of the facts. Replicas look at it by themselves, a few times a second."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, digest: str, asked_by: str, asked_at: int) -> None:
        """Has pushed policies tried out in place of any others."""
        row = {"number": _ONE, "digest": digest, "asked_by": asked_by, "asked_at": asked_at}
        with self._database.write() as connection:
            connection.execute(upsert(connection, trial), [row])

    def end(self) -> None:
        """Has none tried out any more."""
        with self._database.write() as connection:
            connection.execute(delete(trial))

    def digest(self) -> str:
        """The policies that are tried out; empty for none."""
        with self._database.read() as connection:
            return connection.execute(select(trial.c.digest)).scalar() or ""


def end_trial_of(connection: Connection, digest: str) -> None:
    """Ends the trial of policies that come in force, in a transaction that somebody else opened."""
    connection.execute(delete(trial).where(trial.c.digest == digest))
