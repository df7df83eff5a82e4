"""Takes from a running service what it lives on."""

from typing import Final

import psycopg

from tests.e2e.running import Project, wait_until

FEEDS: Final = "FROM pg_stat_activity WHERE application_name = 'magistrate feed' AND datname = current_database()"


def cut_feed(project: Project) -> None:
    """Ends the connection of each of two workers to the change feed; a file's cannot be cut."""
    url = project.settings.get("database", "")
    if not url.startswith("postgresql"):
        return
    with psycopg.connect(url, autocommit=True) as connection:
        wait_until(lambda: len(connection.execute(f"SELECT pid {FEEDS}").fetchall()), 2)
        connection.execute(f"SELECT pg_terminate_backend(pid) {FEEDS}")
