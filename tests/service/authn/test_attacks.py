"""A token that breaks a rule is refused as Unauthenticated, for that rule."""

import pytest

from service.authn.authenticator import NothingRevoked, TokenAuthenticator
from service.config import Limits
from service.errors import Unauthenticated
from tests.service.authn.attacks import ATTACKS, GOOD, SKEW, TOKEN_BYTES, Attack
from tests.service.authn.forge import (
    CALLS,
    EC_KEY,
    NOW,
    NOW_MS,
    OTHER_EC_KEY,
    claims,
    issuer,
    public_jwk,
    sign,
    write_jwks,
)


@pytest.fixture(scope="module")
def authenticator(tmp_path_factory: pytest.TempPathFactory) -> TokenAuthenticator:
    keys = public_jwk(EC_KEY, "k1"), public_jwk(OTHER_EC_KEY, "k2")
    jwks = write_jwks(tmp_path_factory.mktemp("keys") / "jwks.json", *keys)
    limits = Limits(token_bytes=TOKEN_BYTES, clock_skew_seconds=SKEW)
    return TokenAuthenticator([issuer(jwks, subject_audiences=[CALLS])], limits, revocations=NothingRevoked())


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_a_token_that_breaks_a_rule_is_refused(authenticator: TokenAuthenticator, attack: Attack) -> None:
    with pytest.raises(Unauthenticated, match=attack.cause):
        authenticator.caller(attack.token, NOW_MS)
    with pytest.raises(Unauthenticated, match=attack.cause):
        authenticator.principal(attack.token, NOW_MS)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(GOOD, id="as it should be"),
        pytest.param(sign(claims(aud=["billing", "magistrate"])), id="several audiences, ours among them"),
        pytest.param(sign(claims(iat=None)), id="no iat"),
        pytest.param(sign(claims(exp=NOW - SKEW + 1)), id="expired within the skew"),
        pytest.param(sign(claims(nbf=NOW + SKEW, iat=NOW + SKEW)), id="from the future within the skew"),
        pytest.param(sign(claims(exp=NOW + 0.5)), id="times with fractions"),
        pytest.param(sign(claims(), header={"typ": "at+jwt"}), id="an access token by RFC 9068"),
        pytest.param(sign(claims(), header={"x5t": "AAAA"}), id="a certificate's thumbprint, which some issuers add"),
    ],
)
def test_a_token_that_keeps_the_rules_names_its_caller(authenticator: TokenAuthenticator, token: str) -> None:
    assert str(authenticator.caller(token, NOW_MS).principal.ref) == "User:alice"


def test_no_cause_quotes_the_token(authenticator: TokenAuthenticator) -> None:
    for attack in ATTACKS:
        with pytest.raises(Unauthenticated) as refused:
            authenticator.caller(attack.token, NOW_MS)
        assert not any(piece in str(refused.value) for piece in attack.token.split(".") if len(piece) > 8)
        assert refused.value.__cause__ is None
