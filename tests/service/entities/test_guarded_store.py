"""Who reads the store beside the pool leaves a database alone that fails, and is not blamed for what others do."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.breaker import Breaker
from service.config import Settings
from service.db.migration import migrate
from service.db.opening import open_database
from service.entities.elsewhere import Elsewhere
from service.entities.guarded_store import GuardedStore
from service.entities.mapped.store import MappedStore
from service.entities.mapped.wanted import Brought, Wanted
from service.entities.store import EntityStore
from service.entities.worker_facts import guarded_store, read_pool
from service.errors import FactsUnavailable
from service.pool_settings import PoolSettings
from service.source_settings import SourceSettings
from tests.service.entities.mapped.places import schema_of

SCHEMA = schema_of("principal type User { level: int }\nactions User { read }")
ALICE = Ref("User", "alice")
NOBODY_THERE = "postgresql://u@127.0.0.1:1/x"


@pytest.fixture
def gone() -> Iterator[Settings]:
    """Settings of a database that nobody serves, left alone after two failures."""
    yield Settings(database=NOBODY_THERE, pool=PoolSettings(breaker_failures=2, breaker_seconds=300))


def test_reads_in_threads_of_their_own_and_those_of_the_pool_share_one_breaker(gone: Settings) -> None:
    with closing(open_database(gone.database_url, gone.pool)) as database:
        pool = read_pool(gone, database)
        assert pool is not None
        store = guarded_store(database, pool)
        said = []
        for _ in range(3):
            with pytest.raises(FactsUnavailable) as refused, store.snapshot(SCHEMA):
                pass
            said.append("is left alone after 2 failures" in str(refused.value))
        with pytest.raises(FactsUnavailable, match="is left alone after 2 failures"):
            asyncio.run(pool.run(lambda: None))
        pool.close()
    assert said == [False, False, True]


def test_a_source_that_fails_is_no_failure_of_the_store(tmp_path: Path) -> None:
    class Failing:
        """A source that never answers."""

        def read(self, schema: Schema, wanted: Wanted, timeout_ms: int | None = None) -> Brought:
            raise FactsUnavailable("the source is gone")

    people = SourceSettings.model_validate({"types": {"User": {"table": "users", "attributes": {"level": "level"}}}})
    with closing(open_database(f"sqlite:///{tmp_path / 'facts.db'}")) as database:
        database.create()
        migrate(database, "facts")
        breaker = Breaker("the store", 1, 300)
        store = MappedStore(
            GuardedStore(EntityStore(database), breaker), Elsewhere({"people": people}), {"people": Failing()}
        )
        with pytest.raises(FactsUnavailable, match="the source is gone"), store.snapshot(SCHEMA) as snapshot:
            snapshot.rows([ALICE])
        assert not breaker.is_open
