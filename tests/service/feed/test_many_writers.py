"""Under twenty writers at once the feed loses no change, tells none twice and no half write; the cache ends true."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from policy_lang.values import Ref
from service.config import Settings
from service.db.engine import Database
from service.db.migration import migrate
from service.db.opening import open_database
from service.entities.admission import EntityFact
from service.entities.changes import Changes
from tests.contracts.documents import SCHEMA
from tests.service.feed.followers import following, until

WRITERS, WRITES = 20, 10
REFS = [Ref("Document", f"d{who}") for who in range(WRITERS)]


@pytest.fixture
def settings(database_url: str, database: Database) -> Settings:
    migrate(database, "facts")
    return Settings(database=database_url)


def write_all(url: str) -> list[tuple[int, str]]:
    """Has each writer put its document and the first one, both in one write; what each revision changed."""

    def write(who: int) -> list[tuple[int, str]]:
        database = open_database(url)
        made: list[tuple[int, str]] = []
        for at in range(WRITES):
            refs = list(dict.fromkeys((REFS[0], REFS[who])))
            with database.write() as connection:
                changes = Changes(connection)
                changes.put([EntityFact(ref, {"level": who * WRITES + at}) for ref in refs])
                revision = changes.advance()
            made += [(int(revision.partition(".")[2]), str(ref)) for ref in refs]
        database.close()
        return made

    with ThreadPoolExecutor(WRITERS) as threads:
        made = [change for changes in threads.map(write, range(WRITERS)) for change in changes]
    return sorted(made, key=lambda change: change[0])


def test_no_change_is_lost_none_is_told_twice_and_no_half_write(settings: Settings, database: Database) -> None:
    async def run() -> None:
        async with following(settings, SCHEMA) as reader:
            told: list[tuple[int, str | None]] = []
            reader.feed.subscribe("entity", lambda key, n: told.append((n, key)))
            made = await asyncio.to_thread(write_all, settings.database_url)
            await until(lambda: reader.feed.position.n == WRITERS * WRITES)
            assert told == made

    asyncio.run(run())


def test_what_is_cached_under_many_writers_is_true_at_the_end(settings: Settings, database: Database) -> None:
    async def run() -> None:
        async with following(settings, SCHEMA) as reader:
            writing = asyncio.create_task(asyncio.to_thread(write_all, settings.database_url))
            while not writing.done():
                await asyncio.gather(*(reader.level(ref) for ref in REFS))
            await writing
            await until(lambda: reader.feed.position.n == WRITERS * WRITES)
            kept = [await reader.level(ref) for ref in REFS]
        async with following(settings, SCHEMA) as afresh:
            assert kept == [await afresh.level(ref) for ref in REFS]

    asyncio.run(run())
