"""A store of facts with its tables, on each kind of database, and an application's tables that are mapped instead."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

import pytest

from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.migration import migrate
from service.db.opening import open_database, open_source
from service.entities.elsewhere import Elsewhere
from service.entities.mapped.source import MappedSource
from service.entities.mapped.store import MappedStore
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from service.ports import FactStore
from tests.contracts.application import Application, settings
from tests.contracts.documents import SCHEMA


class Writes(Protocol):
    """Who writes what a store then reads."""

    def put(self, ref: Ref, attributes: Json, parents: Json = None) -> object:
        """Writes an entity whole."""
        ...

    def assign(self, subject: Json, role: str, place: Json = None, expires_at: Json = None) -> object:
        """Gives a role."""
        ...

    def relate(self, resource: Json, relation: str, subject: Json, expires_at: Json = None) -> object:
        """Writes a row of a relation."""
        ...


class Kept:
    """Facts wherever they are kept: who writes them, and who reads them."""

    def __init__(self, writer: Writes, store: FactStore) -> None:
        self.writer = writer
        self.store = store


@pytest.fixture
def facts(database: Database) -> Database:
    """A database with the tables of the facts, and no facts."""
    migrate(database, "facts")
    return database


@pytest.fixture
def store(facts: Database) -> EntityStore:
    """Reads the facts."""
    return EntityStore(facts)


@pytest.fixture
def writer(facts: Database) -> EntityWriter:
    """Writes the facts, by the schema of `documents`."""
    return EntityWriter(facts, SCHEMA)


@pytest.fixture(params=["sqlite", "postgresql", "mapped sqlite", "mapped postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    """The facts, in every kind of place: those of an application are in a second database, of the same kind."""
    is_mapped, kind = request.param.startswith("mapped"), request.param.rpartition(" ")[2]
    files = iter(("facts.db", "application.db"))

    def url() -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / next(files)}"
        made: str = request.getfixturevalue("postgresql_url" if next(files) == "facts.db" else "application_url")
        return made

    with ExitStack() as opened:
        database = opened.enter_context(closing(open_database(url())))
        migrate(database, "facts")
        stored = EntityStore(database)
        if not is_mapped:
            yield Kept(EntityWriter(database, SCHEMA), stored)
            return
        application = opened.enter_context(closing(Application(url())))
        given = settings(application.engine.url.render_as_string(hide_password=False))
        source = MappedSource("app", given, open_source(given.database, given.pool))
        opened.enter_context(closing(source))
        yield Kept(application, MappedStore(stored, Elsewhere({"app": given}), {"app": source}))
