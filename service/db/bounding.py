"""Bounds how long the statements of a transaction may take."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, text

_STEPS: Final = 10_000
"""SQLite's own instructions between looks at the clock: some tenths of a millisecond."""


@contextmanager
def bounded(connection: Connection, timeout_ms: int) -> Iterator[None]:
    """Runs a block in a transaction; a statement that takes longer fails. On SQLite the block has so long in all."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        connection.execute(text("SELECT set_config('statement_timeout', :ms, true)"), {"ms": str(timeout_ms)})
        yield
        return
    ends = time.monotonic() + timeout_ms / 1000
    driver.set_progress_handler(lambda: time.monotonic() > ends, _STEPS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, _STEPS)


def unbounded(connection: Connection) -> None:
    """Lets a transaction take as long as it does, waits for locks included, for work that nobody waits for."""
    if connection.dialect.name == "postgresql":
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(text("SELECT set_config(:name, '0', true)"), {"name": name})
