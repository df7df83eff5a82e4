"""Databases of an application for tests: made by its own statements, and read as a mapped source."""

from typing import Any

from sqlalchemy import create_engine

from policy_lang.loading import load
from policy_lang.schema import Schema
from service.db.opening import open_source
from service.entities.mapped.source import MappedSource
from service.source_settings import SourceSettings


def schema_of(text: str) -> Schema:
    """What a module `m` of that text declares; actions are added for it to be a bundle."""
    return load({"m.policy": f"module m\n{text}\n"}).program.schema


def execute(url: str, *statements: str) -> None:
    """Has the application run its statements."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def source_of(url: str, **settings: Any) -> MappedSource:
    """The source `app` with those settings, as the configuration file has them."""
    given = SourceSettings.model_validate({"database": url, **settings})
    return MappedSource("app", given, open_source(given.database, given.pool))
