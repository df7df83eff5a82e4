"""Fetched keys are replaced without a failed call, kept while newer ones cannot be had, and refused when too old."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from policy_lang.types import Json
from service.authn.authenticator import NothingRevoked, TokenAuthenticator
from service.authn.key_fetching import KeyFetching, KeysFetched, KeysMissed
from service.authn.key_holder import KeyHolder
from service.config import Limits
from service.errors import Unauthenticated
from service.model import Caller
from service.samples import Samples
from tests.identity_provider.provider import JWKS, Provider, Reply
from tests.service.authn.forge import (
    EC_KEY,
    ISSUER,
    NOW_MS,
    OTHER_EC_KEY,
    RSA_KEY,
    claims,
    public_jwk,
    settings,
    sign,
    signed_raw,
)

LONG, SHORT = 3600.0, 0.05
MAX_STALE = 100
BY_K1 = sign(claims())
NAMELESS: Json = {"alg": "ES256", "typ": "JWT"}
BY_K2 = sign(claims(), OTHER_EC_KEY, header={"kid": "k2"})


@dataclass
class Clock:
    """The machine's monotonic clock as the worker sees it; `ahead` moves it."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead


@dataclass
class Worker:
    """A worker's authenticator, and what it was told of keys."""

    authenticator: TokenAuthenticator
    holder: KeyHolder
    clock: Clock
    told: list[KeysFetched | KeysMissed] = field(default_factory=list)

    def hear(self, outcome: KeysFetched | KeysMissed) -> None:
        """As the pipes of the supervisor bring it."""
        self.told.append(outcome)
        match outcome:
            case KeysFetched(issuer, at, content):
                self.holder.take(issuer, content, at)
            case KeysMissed(issuer):
                self.holder.miss(issuer)

    async def call(self, token: str) -> Caller:
        """Verifies a caller as the reception does."""
        try:
            return self.authenticator.caller(token, NOW_MS)
        except Unauthenticated as error:
            if error.fetch is None:
                raise
            await error.fetch()
        return self.authenticator.caller(token, NOW_MS)


@asynccontextmanager
async def workers(provider: Provider, count: int = 1, refetch_seconds: float = LONG) -> AsyncIterator[list[Worker]]:
    """Workers that one process fetches for; they have heard of the keys once."""
    issuer = settings(
        jwks_url=provider.url + JWKS,
        ca_file=provider.authority,
        keys_max_stale_seconds=MAX_STALE,
        algorithms=["ES256", "RS256"],
    )
    started: list[Worker] = []

    def tell(outcome: KeysFetched | KeysMissed) -> None:
        for each in started:
            each.hear(outcome)

    fetching = KeyFetching([issuer], tell, refetch_seconds=refetch_seconds)
    for _ in range(count):
        clock = Clock()
        holder = KeyHolder([issuer], fetching.want, refetch_seconds=refetch_seconds, clock=clock)
        authenticator = TokenAuthenticator(
            [issuer], Limits(), revocations=NothingRevoked(), fetched=holder, monotonic=clock
        )
        started.append(Worker(authenticator, holder, clock))
    running = asyncio.create_task(fetching.run())
    try:
        for each in started:
            await each.holder.first(5)
        yield started
    finally:
        running.cancel()


def rotate(provider: Provider) -> None:
    provider.keys = [public_jwk(EC_KEY), public_jwk(OTHER_EC_KEY, "k2")]


def test_a_token_by_a_key_that_is_new_waits_for_it_and_is_good(provider: Provider) -> None:
    async def scenario() -> None:
        async with workers(provider) as (worker,):
            assert await worker.call(BY_K1)
            rotate(provider)
            assert await worker.call(BY_K2)
            assert await worker.call(BY_K1)

    asyncio.run(scenario())
    assert provider.asked[JWKS] == 2


def test_however_many_lack_a_key_it_is_fetched_once(provider: Provider) -> None:
    async def scenario() -> None:
        async with workers(provider, 3) as several:
            rotate(provider)
            calls = [worker.call(BY_K2) for worker in several for _ in range(20)]
            assert {caller.principal.ref.id for caller in await asyncio.gather(*calls)} == {"alice"}

    asyncio.run(scenario())
    assert provider.asked[JWKS] == 2


@pytest.mark.parametrize(
    ("forge", "why"),
    [
        (lambda number: sign(claims(), header={"kid": f"none {number}"}), "names no key"),
        (lambda number: sign(claims(sub=f"{number}"), OTHER_EC_KEY), "does not verify"),
    ],
    ids=["who name keys", "who forge"],
)
def test_strangers_have_one_fetch_in_an_interval_and_then_no_wait(
    provider: Provider, forge: Callable[[int], str], why: str
) -> None:
    async def scenario() -> None:
        async with workers(provider, 2) as several:
            for worker in several:
                for number in range(50):
                    with pytest.raises(Unauthenticated, match=why):
                        await worker.call(forge(number))

    asyncio.run(scenario())
    assert provider.asked[JWKS] == 2


@pytest.mark.parametrize(
    ("former", "present", "before", "after"),
    [
        pytest.param(
            public_jwk(EC_KEY, "k"),
            public_jwk(OTHER_EC_KEY, "k"),
            sign(claims(), header={"kid": "k"}),
            sign(claims(), OTHER_EC_KEY, header={"kid": "k"}),
            id="under the same name",
        ),
        pytest.param(
            public_jwk(EC_KEY, None),
            public_jwk(OTHER_EC_KEY, None),
            signed_raw(NAMELESS, claims()),
            signed_raw(NAMELESS, claims(), OTHER_EC_KEY),
            id="without a name",
        ),
        pytest.param(
            public_jwk(EC_KEY, "k"),
            public_jwk(RSA_KEY, "k"),
            sign(claims(), header={"kid": "k"}),
            sign(claims(), RSA_KEY, algorithm="RS256", header={"kid": "k"}),
            id="of another kind",
        ),
    ],
)
def test_a_key_that_takes_the_place_of_another_is_waited_for(
    provider: Provider, former: dict[str, Json], present: dict[str, Json], before: str, after: str
) -> None:
    async def scenario() -> None:
        provider.keys = [former]
        async with workers(provider) as (worker,):
            assert await worker.call(before)
            provider.keys = [present]
            assert await worker.call(after)
            with pytest.raises(Unauthenticated, match="no longer in its issuer's key set"):
                await worker.call(before)

    asyncio.run(scenario())
    assert provider.asked[JWKS] == 2


def test_after_the_interval_a_key_may_be_asked_for_again(provider: Provider) -> None:
    async def scenario() -> None:
        async with workers(provider, refetch_seconds=SHORT) as (worker,):
            with pytest.raises(Unauthenticated):
                await worker.call(BY_K2)
            rotate(provider)
            await asyncio.sleep(SHORT)
            assert await worker.call(BY_K2)

    asyncio.run(scenario())


def test_a_key_that_was_taken_away_is_refused_where_it_was_good(provider: Provider) -> None:
    async def scenario() -> None:
        async with workers(provider) as (worker,):
            assert await worker.call(BY_K1)
            provider.keys = [public_jwk(OTHER_EC_KEY, "k2")]
            assert await worker.call(BY_K2)
            with pytest.raises(Unauthenticated, match="no longer in its issuer's key set"):
                await worker.call(BY_K1)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(lambda: Reply(b"", status=500), id="a failure"),
        pytest.param(lambda: Reply(b"{"), id="garbage"),
        pytest.param(lambda: Reply(b'{"keys": []}'), id="no keys"),
    ],
)
def test_the_last_good_keys_stay_until_they_are_too_old(provider: Provider, reply: Callable[[], Reply]) -> None:
    async def scenario() -> None:
        async with workers(provider) as (worker,):
            provider.misbehaviour[JWKS] = reply
            with pytest.raises(Unauthenticated, match="names no key"):
                await worker.call(BY_K2)
            assert isinstance(worker.told[-1], KeysMissed)
            worker.clock.ahead = MAX_STALE - 10
            assert await worker.call(BY_K1)
            worker.clock.ahead = MAX_STALE
            with pytest.raises(Unauthenticated, match="could not be fetched"):
                await worker.call(BY_K1)

    asyncio.run(scenario())


def told_by(holder: KeyHolder) -> dict[str, float]:
    """What it tells of the one issuer's keys."""
    samples = Samples()
    holder.tell(samples)
    assert {labels for _, labels in samples.states} == {(("issuer", ISSUER),)}
    return {name.removeprefix("magistrate_issuer_keys_"): value for (name, _), value in samples.states.items()}


@pytest.mark.parametrize(("at", "left"), [(1000.0, 100.0), (1060.0, 40.0), (1100.0, 0.0), (5000.0, 0.0)])
def test_it_is_told_how_long_keys_are_good_yet(at: float, left: float) -> None:
    issuer = settings(jwks_url="https://id.example.org/keys", keys_max_stale_seconds=MAX_STALE)
    holder = KeyHolder([issuer], lambda _: None, clock=lambda: at)
    holder.take(ISSUER, json.dumps({"keys": [public_jwk(EC_KEY)]}).encode(), 1000.0)
    assert told_by(holder) == {"left_seconds": left, "max_stale_seconds": MAX_STALE}


def test_keys_that_were_never_fetched_are_told_as_good_for_no_time() -> None:
    issuer = settings(jwks_url="https://id.example.org/keys", keys_max_stale_seconds=MAX_STALE)
    holder = KeyHolder([issuer], lambda _: None)
    holder.miss(ISSUER)
    assert told_by(holder) == {"left_seconds": 0.0, "max_stale_seconds": MAX_STALE}


def test_tokens_of_an_issuer_that_never_answered_are_refused_until_it_does(provider: Provider) -> None:
    provider.misbehaviour[JWKS] = lambda: Reply(b"", status=503)

    async def scenario() -> None:
        async with workers(provider, refetch_seconds=SHORT) as (worker,):
            with pytest.raises(Unauthenticated, match="could not be fetched"):
                await worker.call(BY_K1)
            del provider.misbehaviour[JWKS]
            await asyncio.sleep(SHORT)
            assert await worker.call(BY_K1)

    asyncio.run(scenario())


def test_where_nobody_fetches_a_call_waits_once_and_those_after_it_not(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.authn.key_holder.WAIT_SECONDS", SHORT)
    issuer = settings(jwks_url=provider.url + JWKS, ca_file=provider.authority)

    async def scenario() -> None:
        asked: list[str] = []
        holder = KeyHolder([issuer], asked.append)
        authenticator = TokenAuthenticator([issuer], Limits(), revocations=NothingRevoked(), fetched=holder)
        worker = Worker(authenticator, holder, Clock())
        for _ in range(3):
            with pytest.raises(Unauthenticated):
                await worker.call(BY_K1)
        assert asked == [issuer.issuer]

    asyncio.run(scenario())


def slow_failure() -> Reply:
    time.sleep(0.05)  # the provider's
    return Reply(b"", status=503)


def test_whoever_wants_keys_again_and_again_holds_up_no_answer(provider: Provider) -> None:
    provider.misbehaviour[JWKS] = slow_failure
    issuer = settings(jwks_url=provider.url + JWKS, ca_file=provider.authority)
    told: list[KeysFetched | KeysMissed] = []

    async def scenario() -> None:
        fetching = KeyFetching([issuer], told.append, refetch_seconds=0.001)
        running = asyncio.create_task(fetching.run())
        async with asyncio.timeout(10):
            while len(told) < 3:
                fetching.want(issuer.issuer)
                await asyncio.sleep(0.005)
        running.cancel()

    asyncio.run(scenario())
