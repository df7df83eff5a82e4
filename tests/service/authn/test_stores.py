"""Keys and sessions as each kind of database keeps them, and two workers that follow it."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy import select

from policy_lang.values import Ref
from service.authn.api_keys.api_key import ApiKey, Former, KeyParts, new_parts, write_key
from service.authn.api_keys.peppers import Peppers
from service.authn.api_keys.store import KEPT_MS, ApiKeyStore
from service.authn.api_keys.verifier import ApiKeyVerifier
from service.authn.noted import Noted
from service.authn.sessions.session import Purpose, Session, digest_of, id_of, new_token
from service.authn.sessions.store import SessionStore
from service.config import Settings
from service.db.engine import Database
from service.db.facts_tables import revision
from service.db.migration import migrate
from service.db.opening import open_database
from service.entities.worker_facts import read_pool, worker_facts
from service.errors import FactsUnavailable, NotFound, Unauthenticated
from service.feed.feed import Feed
from service.model import Scopes
from service.rate import Rate
from service.reception.reception import FETCHES
from tests.service.feed.followers import until

NOW = 1_800_000_000_000
ALICE, ROOT = Ref("User", "alice"), Ref("User", "root")
PEPPERS = Peppers({"p1": b"1" * 32})
ROUNDS = 20
TRIES = 5


@pytest.fixture
def facts(database: Database) -> Database:
    """A database with the tables of the facts, of each kind in turn."""
    migrate(database, "facts")
    return database


@pytest.fixture
def keys(facts: Database) -> ApiKeyStore:
    return ApiKeyStore(facts)


@pytest.fixture
def sessions(facts: Database) -> SessionStore:
    return SessionStore(facts)


def key_of(parts: KeyParts) -> ApiKey:
    return ApiKey(
        id=parts.id,
        name="ci",
        principal=ALICE,
        owner=ROOT,
        scopes=Scopes(frozenset({"AuthorizationService.*"}), frozenset({"read"}), frozenset({"Doc"})),
        rate=Rate(60, 10),
        mac=PEPPERS.mac(parts.secret),
        created_at=NOW,
        created_by="User:root",
        expires_at=NOW + 1000,
    )


def session_of(opened_at: int = NOW) -> Session:
    digest = digest_of(new_token())
    assert digest is not None
    return Session(
        id_of(digest), digest, ALICE, Purpose.CALL, 60_000, opened_at, "User:root", opened_at, opened_at + 600_000
    )


def head(facts: Database) -> int:
    with facts.read() as connection:
        return int(connection.execute(select(revision.c.n)).scalar_one())


def test_a_key_is_read_back_as_it_was_kept_rotated_and_revoked(keys: ApiKeyStore) -> None:
    key, other = key_of(new_parts()), PEPPERS.mac("other")
    assert keys.add(key).endswith(".1")
    assert keys.find(key.id) == key
    rotated, _ = keys.rotate(key.id, other, now=NOW + 1, former_until=NOW + 5)
    assert rotated == replace(key, mac=other, former=Former(key.mac, NOW + 5), rotated_at=NOW + 1)
    keys.revoke(key.id, by=ROOT, now=NOW + 2)
    keys.revoke(key.id, by=ALICE, now=NOW + 3)
    assert keys.find(key.id) == replace(rotated, revoked_at=NOW + 2, revoked_by="User:root")


def test_what_is_not_there_or_over_is_not_rotated(keys: ApiKeyStore) -> None:
    key = key_of(new_parts())
    keys.add(key)
    for id_, now in (("0" * 16, NOW), (key.id, NOW + 1000)):
        with pytest.raises(NotFound):
            keys.rotate(id_, PEPPERS.mac("other"), now=now, former_until=now)
    with pytest.raises(NotFound):
        keys.revoke("0" * 16, by=ROOT, now=NOW)


def test_uses_are_noted_without_a_revision_and_never_back_in_time(keys: ApiKeyStore, facts: Database) -> None:
    key = key_of(new_parts())
    keys.add(key)
    before = head(facts)
    for at in (NOW + 5, NOW + 3):
        keys.touch({key.id: at})
    found = keys.find(key.id)
    assert found is not None
    assert (found.last_used_at, head(facts)) == (NOW + 5, before)


def test_a_session_is_renewed_without_a_revision_and_ended_with_one(sessions: SessionStore, facts: Database) -> None:
    session = session_of()
    sessions.add(session)
    before = head(facts)
    for at in (NOW + 5, NOW + 3):
        sessions.renew({session.id: at})
    assert sessions.find(session.id) == replace(session, renewed_at=NOW + 5)
    assert head(facts) == before
    assert sessions.end(session.id, by=ROOT, now=NOW + 6) is not None
    assert sessions.end(session.id, by=ROOT, now=NOW + 7) is None
    assert head(facts) == before + 1


def test_every_session_of_a_principal_ends_and_no_other(sessions: SessionStore) -> None:
    hers, his = [session_of(), session_of()], replace(session_of(), principal=Ref("User", "bob"))
    for session in (*hers, his):
        sessions.add(session)
    assert sessions.end_all(ALICE, by=ROOT, now=NOW)[0] == 2
    assert {each.id for each in sessions.page(None, None, 9) if each.revoked_at is None} == {his.id}
    assert {each.id for each in sessions.page(ALICE, None, 9)} == {each.id for each in hers}


def test_what_ended_a_day_ago_is_forgotten_and_nothing_else(keys: ApiKeyStore, sessions: SessionStore) -> None:
    over = key_of(new_parts())
    lasting, revoked = (replace(key_of(new_parts()), expires_at=None) for _ in range(2))
    for key in (over, lasting, revoked):
        keys.add(key)
    keys.revoke(revoked.id, by=ROOT, now=NOW + 2000)
    old, young = session_of(), session_of(NOW + 1)
    for session in (old, young):
        sessions.add(session)
    assert (keys.prune(NOW + 1000 + KEPT_MS - 1), keys.prune(NOW + 1000 + KEPT_MS)) == (0, 1)
    assert (keys.prune(NOW + 2000 + KEPT_MS - 1), keys.prune(NOW + 2000 + KEPT_MS)) == (0, 1)
    assert [key.id for key in keys.page(None, 9)] == [lasting.id]
    assert sessions.prune(NOW + 600_000 + KEPT_MS) == 1
    assert [session.id for session in sessions.page(None, None, 9)] == [young.id]


@asynccontextmanager
async def worker(url: str) -> AsyncIterator[ApiKeyVerifier]:
    """What a worker verifies keys by, with connections of its own."""
    settings = Settings(database=url)
    database = open_database(url)
    feed = Feed(settings.max_staleness)
    verifier = ApiKeyVerifier(feed, ApiKeyStore(database).find, peppers=PEPPERS, used=lambda _, __: None)
    try:
        async with worker_facts(settings, database, feed, read_pool(settings, database)):
            yield verifier
    finally:
        database.close()


async def is_good(verifier: ApiKeyVerifier, text: str) -> bool:
    """Whether the key is good, read first if it must be."""
    for _ in range(1 + FETCHES):
        try:
            verifier.verify(text, NOW)
        except Unauthenticated as error:
            if error.fetch is None:
                return False
            await error.fetch()
        else:
            return True
    return False


def test_a_revoked_key_is_out_of_force_on_two_workers_within_a_tenth_of_a_second(
    keys: ApiKeyStore, database_url: str
) -> None:
    async def scenario() -> list[float]:
        seconds: list[float] = []
        async with AsyncExitStack() as opened:
            workers = [await opened.enter_async_context(worker(database_url)) for _ in range(2)]
            for _ in range(ROUNDS):
                parts = new_parts()
                await asyncio.to_thread(keys.add, key_of(parts))
                assert [await is_good(each, write_key(parts)) for each in workers] == [True, True]
                await asyncio.to_thread(keys.revoke, parts.id, by=ROOT, now=NOW)
                committed = time.monotonic()
                for each in workers:
                    while await is_good(each, write_key(parts)):
                        await asyncio.sleep(0.001)
                seconds.append(time.monotonic() - committed)
        return seconds

    # The median, and tried again: a machine that runs other tests beside this one may stop any round, or be slow.
    assert any(statistics.median(asyncio.run(scenario())) < 0.1 for _ in range(TRIES))


def test_what_cannot_be_written_down_is_kept_for_the_next_time_and_for_the_end() -> None:
    written: list[Mapping[str, int]] = []

    def write(noted: Mapping[str, int]) -> None:
        written.append(dict(noted))
        if len(written) == 1:
            raise FactsUnavailable("no database")

    async def scenario() -> None:
        noted = Noted(write, what="uses", every=0.001)
        noted.note("k1", 1)
        noted.note("k1", 2)
        running = asyncio.create_task(noted.run())
        await until(lambda: len(written) == 2)
        noted.note("k2", 3)
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(scenario())
    assert written == [{"k1": 2}, {"k1": 2}, {"k2": 3}]
