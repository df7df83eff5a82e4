"""Takes from a running service what it lives on."""

import psycopg

from tests.e2e.running import Project


def cut_feed(project: Project) -> None:
    """Ends every worker's connection to the change feed, where it has one; a file's cannot be cut."""
    url = project.settings.get("database", "")
    if not url.startswith("postgresql"):
        return
    with psycopg.connect(url) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'magistrate feed' AND datname = current_database()"
        ).fetchall()
    assert len(ended) == 2
