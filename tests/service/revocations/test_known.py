"""What a worker knows of revocations is whole, or it says that it does not know."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import pytest

from policy_lang.values import Ref
from service.db.feed import EVERYTHING, REVOCATION, Change
from service.errors import FactsUnavailable, Unauthenticated
from service.feed.feed import Feed
from service.model import Credential
from service.revocations.known import KnownRevocations
from service.revocations.revocation import (
    PRUNED,
    KeyName,
    LiftedPrincipal,
    Revocation,
    RevokedCertificate,
    RevokedKey,
    RevokedPrincipal,
    RevokedToken,
    TokenName,
    read_key,
    revocation_change,
)
from tests.service.clock import Clock
from tests.service.feed.followers import until
from tests.service.revocations.worker import MAX_STALENESS, Stored, Worker, worker_over, working

NOW = 1_800_000_000_000
USED = Credential("idp", "j1", Ref("User", "alice"), NOW // 1000)
TOKEN = RevokedToken(TokenName("idp", "j1"), None)
PRINCIPAL = RevokedPrincipal(Ref("User", "alice"), NOW, None)


def is_revoked(revocations: KnownRevocations) -> bool:
    try:
        revocations.check(USED, NOW)
    except Unauthenticated:
        return True
    return False


@pytest.mark.parametrize(
    "revoked",
    [
        TOKEN,
        PRINCIPAL,
        RevokedToken(TokenName('i"x', "ü:\n"), NOW),
        RevokedPrincipal(Ref("User", "a:b"), NOW, NOW),
        RevokedKey(KeyName('i"x', "k\n"), None),
        RevokedKey(KeyName("idp", "k"), NOW),
        RevokedCertificate("ab" * 32, None),
        RevokedCertificate("ab" * 32, NOW),
        LiftedPrincipal(Ref("User", "a:b"), NOW, None),
        LiftedPrincipal(Ref("User", "alice"), NOW, NOW),
    ],
)
def test_a_change_row_says_the_whole_revocation(revoked: Revocation) -> None:
    kind, key = revocation_change(revoked)
    assert kind == REVOCATION
    assert read_key(key) == revoked


@pytest.mark.parametrize("key", ["", "{}", "[]", '["idp"]', '["idp", "j", "soon"]', '["a", "b", 1, 2, 3]', "null"])
def test_a_change_row_in_a_form_of_another_version_has_all_read_again(key: str) -> None:
    async def scenario() -> None:
        stored = Stored()
        async with working(stored) as worker:
            stored.revoked = [TOKEN]
            worker.tell_changes([Change(REVOCATION, key)])
            await until(lambda: is_revoked(worker.revocations))

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "lose", [Worker.lose_track, lambda worker: worker.tell_changes([EVERYTHING])], ids=["gap", "*"]
)
def test_what_the_feed_could_not_tell_is_read(lose: Callable[[Worker], None]) -> None:
    async def scenario() -> None:
        stored = Stored()
        async with working(stored) as worker:
            stored.revoked = [TOKEN]
            lose(worker)
            await until(lambda: is_revoked(worker.revocations))

    asyncio.run(scenario())


GATEWAY = Ref("magistrate.Service", "gateway")
CERTIFIED = Credential("certificate", None, GATEWAY, None, certificate=("ab" * 32, "ef" * 32))
BLOCKED = RevokedPrincipal(GATEWAY, NOW, None)


@pytest.mark.parametrize(
    ("told", "is_refused"),
    [
        pytest.param([RevokedCertificate("ab" * 32, None)], True, id="the certificate"),
        pytest.param([RevokedCertificate("ef" * 32, None)], True, id="its twin"),
        pytest.param([RevokedCertificate("cd" * 32, None)], False, id="another certificate"),
        pytest.param([RevokedCertificate("ab" * 32, NOW)], False, id="a revocation that has ended"),
        pytest.param([BLOCKED], True, id="its principal"),
        pytest.param([RevokedPrincipal(GATEWAY, NOW - 10**9, None)], True, id="its principal, long ago"),
        pytest.param([RevokedPrincipal(Ref("User", "gateway"), NOW, None)], False, id="another principal"),
        pytest.param([BLOCKED, LiftedPrincipal(GATEWAY, NOW, None)], False, id="lifted"),
        pytest.param([LiftedPrincipal(GATEWAY, NOW, None), BLOCKED], False, id="lifted, told the other way round"),
        pytest.param([LiftedPrincipal(GATEWAY, NOW - 1, None), BLOCKED], True, id="revoked again since"),
        pytest.param(
            [RevokedCertificate("ab" * 32, None), BLOCKED, LiftedPrincipal(GATEWAY, NOW, None)],
            True,
            id="lifted, but the certificate itself is revoked",
        ),
    ],
)
def test_a_certificate_is_refused_by_itself_and_by_its_principal_until_lifted(
    told: Sequence[Revocation], is_refused: bool
) -> None:
    async def scenario() -> None:
        async with working(Stored()) as worker:
            worker.tell(*told)
            with pytest.raises(Unauthenticated) if is_refused else nullcontext():
                worker.revocations.check(CERTIFIED, NOW)

    asyncio.run(scenario())


def test_lifting_lets_no_token_in() -> None:
    async def scenario() -> None:
        async with working(Stored()) as worker:
            worker.tell(PRINCIPAL, LiftedPrincipal(Ref("User", "alice"), NOW, None))
            assert is_revoked(worker.revocations)

    asyncio.run(scenario())


def test_what_is_told_while_all_are_read_is_not_lost() -> None:
    begun, may_end = threading.Event(), threading.Event()

    def read() -> Sequence[Revocation]:
        begun.set()
        may_end.wait(20)
        return []  # a snapshot from before the revocation

    async def scenario() -> None:
        clock = Clock()
        feed = Feed(MAX_STALENESS, clock)
        worker = Worker(clock, feed, KnownRevocations(feed, read, MAX_STALENESS, clock))
        worker.lose_track()
        running = asyncio.create_task(worker.revocations.run())
        await until(begun.is_set)
        worker.tell(TOKEN)
        may_end.set()
        await until(lambda: is_revoked(worker.revocations) if _knows(worker.revocations) else False)
        running.cancel()

    asyncio.run(scenario())


def test_a_start_without_the_database_is_unavailable_until_it_answers() -> None:
    async def scenario() -> None:
        stored = Stored([TOKEN], error=FactsUnavailable("no database"))
        worker = worker_over(stored)
        running = asyncio.create_task(worker.revocations.run())
        await until(lambda: stored.reads > 0)
        with pytest.raises(FactsUnavailable):
            worker.revocations.check(USED, NOW)
        stored.error = None
        await until(lambda: _knows(worker.revocations))
        assert is_revoked(worker.revocations)
        running.cancel()

    asyncio.run(scenario())


def test_what_cannot_be_read_again_makes_a_worker_unavailable_once_it_is_too_old() -> None:
    async def scenario() -> None:
        stored = Stored()
        async with working(stored) as worker:
            stored.error = FactsUnavailable("no database")
            read = stored.reads
            worker.lose_track()
            await until(lambda: stored.reads > read)
            assert not is_revoked(worker.revocations)
            worker.clock.now += MAX_STALENESS + 0.001
            worker.tell_changes([Change("entity", "User:x")])  # the feed itself is fresh
            with pytest.raises(FactsUnavailable):
                worker.revocations.check(USED, NOW)
            stored.error = None
            await until(lambda: _knows(worker.revocations))

    asyncio.run(scenario())


def test_a_narrower_revocation_takes_nothing_back() -> None:
    async def scenario() -> None:
        async with working(Stored([PRINCIPAL])) as worker:
            worker.tell(RevokedPrincipal(PRINCIPAL.principal, NOW - 60_000, NOW - 1))
            assert is_revoked(worker.revocations)

    asyncio.run(scenario())


def test_what_was_pruned_is_forgotten() -> None:
    async def scenario() -> None:
        stored = Stored([TOKEN])
        async with working(stored) as worker:
            assert is_revoked(worker.revocations)
            stored.revoked = []
            worker.tell_changes([PRUNED])
            await until(lambda: not is_revoked(worker.revocations))

    asyncio.run(scenario())


def _knows(revocations: KnownRevocations) -> bool:
    try:
        revocations.check(Credential("nobody", None, Ref("Nobody", "x"), None), NOW)
    except FactsUnavailable:
        return False
    return True
