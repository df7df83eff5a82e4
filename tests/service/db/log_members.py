"""A log on PostgreSQL with its grants, and users who are members of its roles."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.engine import URL, make_url

from service.db.engine import Database
from service.db.log_grants import log_grants
from service.db.migration import migrate


class Members:
    """Users of a database, each a member of one role of the log."""

    def __init__(self, owner: Database, url: URL) -> None:
        self.owner = owner
        self._url = url
        self._made: list[str] = []

    def url(self, role: str) -> str:
        """The URL of a new user with that role."""
        name, password = f"{role}_{secrets.token_hex(4)}", secrets.token_hex(8)
        with self.owner.write() as connection:
            connection.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD '{password}' IN ROLE magistrate_log_{role}"))
        self._made.append(name)
        return self._url.set(username=name, password=password).render_as_string(hide_password=False)

    def forget(self) -> None:
        """Drops the users that were made."""
        with self.owner.write() as connection:
            for name in self._made:
                connection.execute(text(f"DROP ROLE {name}"))


@contextmanager
def log_members(owner: Database, url: str) -> Iterator[Members]:
    """Makes the log and its roles in a database that is empty."""
    migrate(owner, "log")
    grant(owner)
    made = Members(owner, make_url(url))
    try:
        yield made
    finally:
        made.forget()


def grant(owner: Database) -> None:
    """Has the owner grant what the roles need."""
    with owner.write() as connection:
        connection.execute(text(log_grants()))
