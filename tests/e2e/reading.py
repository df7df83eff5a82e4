"""Reads the decision log of a service that has stopped, straight from its database."""

from sqlalchemy import create_engine, text

from tests.e2e.running import Project


def recorded(project: Project) -> list[tuple[str, str]]:
    """Decision id and request id of every record, in no order."""
    url = project.settings.get("log_database") or f"sqlite:///{project.folder / '.magistrate' / 'log.db'}"
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, request_id FROM decisions")).tuples().all()
    engine.dispose()
    return [(str(decision), request) for decision, request in rows]
