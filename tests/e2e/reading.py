"""Reads the decision log of a service that has stopped, straight from its database."""

from sqlalchemy import create_engine, select
from sqlalchemy.engine import make_url

from service.db.log_tables import decision
from tests.e2e.running import Project


def recorded(project: Project) -> list[tuple[str, str]]:
    """Decision id and request id of every question's record, in no order; what was done to the service is left out."""
    url = make_url(project.settings.get("log_database") or f"sqlite:///{project.folder / '.magistrate' / 'log.db'}")
    engine = create_engine(url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url)
    with engine.connect() as connection:
        asked = decision.c.action.not_like("magistrate.%")
        rows = connection.execute(select(decision.c.id, decision.c.request_id).where(asked)).all()
    engine.dispose()
    return [(str(id_), request_id) for id_, request_id in rows]
