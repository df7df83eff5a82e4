"""A revoked token is refused on every use, however often it was good; where nobody can tell, nobody is let in."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from policy_lang.types import Json
from policy_lang.values import Ref
from service.authn.authenticator import TokenAuthenticator
from service.config import Limits
from service.db.feed import ENTITY, Change
from service.errors import FactsUnavailable, Unauthenticated
from service.model import Caller, Principal
from service.revocations.revocation import (
    KeyName,
    Revocation,
    RevokedKey,
    RevokedPrincipal,
    RevokedToken,
    TokenName,
)
from tests.service.authn.forge import (
    ASKED,
    CALLS,
    EC_KEY,
    ISSUER,
    NOW,
    NOW_MS,
    OTHER_EC_KEY,
    claims,
    issuer,
    public_jwk,
    sign,
    write_jwks,
)
from tests.service.revocations.worker import MAX_STALENESS, Stored, Worker, worker_over, working

Use = Callable[[TokenAuthenticator, str], Caller | Principal]

ALICE = Ref("User", "alice")
J1 = RevokedToken(TokenName(ISSUER, "j1"), None)

CASES: dict[str, tuple[Revocation, dict[str, Json], bool]] = {
    "the token": (J1, {"jti": "j1"}, True),
    "another token of the issuer": (J1, {"jti": "j2"}, False),
    "a token without a jti": (J1, {}, False),
    "the jti of another issuer": (RevokedToken(TokenName("https://other.example", "j1"), None), {"jti": "j1"}, False),
    "issued before": (RevokedPrincipal(ALICE, NOW_MS, None), {"iat": NOW - 60}, True),
    "issued just then": (RevokedPrincipal(ALICE, NOW_MS, None), {"iat": NOW}, True),
    "issued within the second": (RevokedPrincipal(ALICE, NOW_MS, None), {"iat": NOW - 0.5}, True),
    "issued after": (RevokedPrincipal(ALICE, NOW_MS, None), {"iat": NOW + 1}, False),
    "not said when it was issued": (RevokedPrincipal(ALICE, NOW_MS, None), {"iat": None}, True),
    "issued before, with a jti": (RevokedPrincipal(ALICE, NOW_MS, None), {"iat": NOW - 60, "jti": "j1"}, True),
    "another principal": (RevokedPrincipal(Ref("User", "bob"), NOW_MS, None), {}, False),
    "the id in another type": (RevokedPrincipal(Ref("Robot", "alice"), NOW_MS, None), {}, False),
    "the key that signed it": (RevokedKey(KeyName(ISSUER, "k1"), None), {}, True),
    "another key of the issuer": (RevokedKey(KeyName(ISSUER, "k2"), None), {}, False),
    "the key of that id of another issuer": (RevokedKey(KeyName("https://other.example", "k1"), None), {}, False),
    "a key whose revocation is over": (RevokedKey(KeyName(ISSUER, "k1"), NOW_MS), {}, False),
    "a revocation that is over": (RevokedPrincipal(ALICE, NOW_MS, NOW_MS), {}, False),
    "a revocation that is not yet over": (RevokedPrincipal(ALICE, NOW_MS, NOW_MS + 1), {}, True),
}
USES: dict[str, tuple[str, Use]] = {
    "caller": (CALLS, lambda authenticator, token: authenticator.caller(token, NOW_MS)),
    "principal_token": (ASKED, lambda authenticator, token: authenticator.principal(token, NOW_MS)),
}


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    return write_jwks(tmp_path / "jwks.json", public_jwk(EC_KEY))


def authenticator_of(worker: Worker, jwks: Path) -> TokenAuthenticator:
    return TokenAuthenticator([issuer(jwks)], Limits(clock_skew_seconds=30), revocations=worker.revocations)


@pytest.mark.parametrize("role", USES)
@pytest.mark.parametrize("case", CASES)
def test_a_remembered_token_is_refused_from_when_the_worker_hears_of_it(case: str, role: str, jwks: Path) -> None:
    revoked, said, is_refused = CASES[case]
    audience, use = USES[role]
    token = sign(claims(aud=audience, **said))

    async def scenario() -> None:
        async with working(Stored()) as worker:
            authenticator = authenticator_of(worker, jwks)
            before = use(authenticator, token)
            worker.tell(revoked)
            if is_refused:
                with pytest.raises(Unauthenticated, match="revoked"):
                    use(authenticator, token)
            else:
                assert use(authenticator, token) == before

    asyncio.run(scenario())


@pytest.mark.parametrize("role", USES)
@pytest.mark.parametrize("case", CASES)
def test_a_token_that_was_never_seen_is_refused_by_what_was_revoked_before_the_start(
    case: str, role: str, jwks: Path
) -> None:
    revoked, said, is_refused = CASES[case]
    audience, use = USES[role]
    token = sign(claims(aud=audience, **said))

    async def scenario() -> None:
        async with working(Stored([revoked])) as worker:
            authenticator = authenticator_of(worker, jwks)
            for _ in range(2):
                if is_refused:
                    with pytest.raises(Unauthenticated, match="revoked"):
                        use(authenticator, token)
                else:
                    assert use(authenticator, token)

    asyncio.run(scenario())


def test_until_the_revocations_are_known_every_good_token_is_unavailable(jwks: Path) -> None:
    worker = worker_over(Stored())  # nobody reads
    with pytest.raises(FactsUnavailable):
        authenticator_of(worker, jwks).caller(sign(claims()), NOW_MS)


def test_where_revocations_are_unavailable_a_stranger_learns_only_that_he_is_one(jwks: Path) -> None:
    authenticator = authenticator_of(worker_over(Stored()), jwks)
    for token in ("garbage", sign(claims(), OTHER_EC_KEY), sign(claims(exp=NOW - 60))):
        with pytest.raises(Unauthenticated):
            authenticator.caller(token, NOW_MS)


def test_a_remembered_token_is_unavailable_once_the_feed_is_too_old_and_good_when_it_is_back(jwks: Path) -> None:
    token = sign(claims())

    async def scenario() -> None:
        async with working(Stored()) as worker:
            authenticator = authenticator_of(worker, jwks)
            worker.clock.now += MAX_STALENESS
            assert authenticator.caller(token, NOW_MS)
            worker.clock.now += 0.001
            with pytest.raises(FactsUnavailable):
                authenticator.caller(token, NOW_MS)
            worker.tell_changes([Change(ENTITY, "User:alice")])
            assert authenticator.caller(token, NOW_MS)

    asyncio.run(scenario())
