"""A PostgreSQL connection of its own that reads what changed and hears of commits as they happen."""

from collections.abc import Iterator
from contextlib import contextmanager
from selectors import EVENT_READ, DefaultSelector
from socket import socket
from typing import Final

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import URL

from service.db.engine import Reading
from service.db.failures import DRIVER_ERRORS, translated
from service.db.feed import CHANNEL
from service.db.feed_reading import Polled, changes_after, poll
from service.db.opening import driver_arguments, shown

CONNECT_SECONDS: Final = 5
ANSWER_MS: Final = 5_000
"""How long the server, or the network on the way to it, may leave a statement unanswered."""


class Listener:
    """An open connection; every method raises FactsUnavailable when it is lost."""

    def __init__(self, connection: "psycopg.Connection[tuple[object, ...]]", name: str) -> None:
        self._connection = connection
        self._name = name

    def listen(self) -> bool:
        """From here on commits are heard of; false where the server does not offer it, as a standby."""
        try:
            self._connection.execute(f"LISTEN {CHANNEL}")
        except DRIVER_ERRORS:
            if self._connection.closed:
                raise
            return False
        return True

    def poll(self, after: int) -> Polled:
        """What changed after a revision."""
        with translated(self._name):
            return poll(Reading(self._connection, "postgresql"), _CHANGES, after)

    def wait(self, seconds: float, wake: socket) -> None:
        """Returns when a commit is heard of, when there is something to read from `wake`, or after so long."""
        with translated(self._name), DefaultSelector() as selector:
            selector.register(self._connection.fileno(), EVENT_READ)
            selector.register(wake, EVENT_READ)
            selector.select(seconds)
            # Many commits at once are one reason to read.
            for _ in self._connection.notifies(timeout=0):
                pass


@contextmanager
def open_listener(url: URL) -> Iterator[Listener]:
    """A connection to the PostgreSQL server of that URL, each statement a transaction of its own."""
    name = shown(url)
    patience: dict[str, str | int] = {
        "connect_timeout": CONNECT_SECONDS,
        # A server that went away without a word is noticed, and not waited for.
        "tcp_user_timeout": ANSWER_MS,
        "keepalives_idle": CONNECT_SECONDS,
        "options": f"-c statement_timeout={ANSWER_MS}",
    }
    where = driver_arguments(url) | {"application_name": "magistrate feed"} | patience
    with translated(name):
        connection = psycopg.connect(make_conninfo("", **where), autocommit=True)
        with connection:
            yield Listener(connection, name)


_CHANGES: Final = changes_after(URL.create("postgresql+psycopg").get_dialect()())
