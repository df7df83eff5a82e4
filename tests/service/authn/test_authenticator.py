"""Who a token names, in which role, for how long."""

from pathlib import Path

import pytest

from policy_lang.values import Ref
from service.authn.authenticator import NothingRevoked, TokenAuthenticator
from service.config import Limits
from service.errors import ConfigError, Unauthenticated
from service.identity import Evidence, EvidenceKind
from service.issuer_settings import IssuerSettings
from tests.service.authn.forge import (
    ASKED,
    CALLS,
    EC_KEY,
    ED_KEY,
    NOW_MS,
    OTHER_EC_KEY,
    RSA_KEY,
    claims,
    hmac_signed,
    issuer,
    pem,
    public_jwk,
    sign,
    write_jwks,
    write_secret,
)

LIMITS = Limits(clock_skew_seconds=30)
FOR_CALLS = sign(claims(aud=CALLS))
FOR_ASKED = sign(claims(aud=ASKED))
FOR_BOTH = sign(claims(aud=[CALLS, ASKED]))
END_MS = NOW_MS + 900_000 + 30_000


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    return write_jwks(tmp_path / "jwks.json", public_jwk(EC_KEY))


@pytest.fixture
def authenticator(jwks: Path) -> TokenAuthenticator:
    return TokenAuthenticator([issuer(jwks)], LIMITS, revocations=NothingRevoked())


def test_a_callers_token_is_no_principal_token(authenticator: TokenAuthenticator) -> None:
    authenticator.caller(FOR_CALLS, NOW_MS)
    with pytest.raises(Unauthenticated, match="may not be asked about"):
        authenticator.principal(FOR_CALLS, NOW_MS)


def test_a_principal_token_is_no_callers_token(authenticator: TokenAuthenticator) -> None:
    authenticator.principal(FOR_ASKED, NOW_MS)
    with pytest.raises(Unauthenticated, match="may only be asked about"):
        authenticator.caller(FOR_ASKED, NOW_MS)


def test_a_token_for_both_audiences_serves_both_roles(authenticator: TokenAuthenticator) -> None:
    caller, principal = authenticator.caller(FOR_BOTH, NOW_MS).principal, authenticator.principal(FOR_BOTH, NOW_MS)
    assert (caller.ref, caller.claims) == (principal.ref, principal.claims)


def test_evidence_names_the_issuer_and_the_token_and_tells_a_token_that_was_handed_on(
    authenticator: TokenAuthenticator,
) -> None:
    token = sign(claims(aud=[CALLS, ASKED], jti="t-7"))
    own, handed_on = authenticator.caller(token, NOW_MS).principal, authenticator.principal(token, NOW_MS)
    assert own.evidence == Evidence(EvidenceKind.TOKEN, "https://issuer.example", "t-7")
    assert handed_on.evidence == Evidence(EvidenceKind.PRINCIPAL_TOKEN, "https://issuer.example", "t-7")


def test_an_audience_listed_in_both_serves_both_roles(jwks: Path) -> None:
    authenticator = TokenAuthenticator(
        [issuer(jwks, audience=[CALLS], subject_audiences=[CALLS])], LIMITS, revocations=NothingRevoked()
    )
    assert authenticator.caller(FOR_CALLS, NOW_MS).principal.ref == authenticator.principal(FOR_CALLS, NOW_MS).ref


def test_the_audience_of_one_issuer_is_not_that_of_another(tmp_path: Path, jwks: Path) -> None:
    other = write_jwks(tmp_path / "other.json", public_jwk(OTHER_EC_KEY))
    issuers = [
        issuer(jwks, audience=[CALLS], subject_audiences=[]),
        issuer(other, name="https://other.example", audience=["other"], subject_audiences=[], principal_type="Robot"),
    ]
    with pytest.raises(Unauthenticated):
        TokenAuthenticator(issuers, LIMITS, revocations=NothingRevoked()).caller(sign(claims(aud="other")), NOW_MS)


def test_the_key_of_one_issuer_signs_nothing_of_another(tmp_path: Path, jwks: Path) -> None:
    other = write_jwks(tmp_path / "other.json", public_jwk(OTHER_EC_KEY))
    issuers = [issuer(jwks), issuer(other, name="https://other.example", principal_type="Robot")]
    with pytest.raises(Unauthenticated, match="verify"):
        TokenAuthenticator(issuers, LIMITS, revocations=NothingRevoked()).caller(sign(claims(), OTHER_EC_KEY), NOW_MS)


def test_the_caller_carries_its_issuer_and_its_claims(jwks: Path) -> None:
    settings = issuer(jwks, id_prefix="corp/")
    caller = TokenAuthenticator([settings], LIMITS, revocations=NothingRevoked()).caller(
        sign(claims(tenant="t1")), NOW_MS
    )
    assert caller.principal.ref == Ref("User", "corp/alice")
    assert caller.principal.claims == claims(tenant="t1")
    assert caller.issuer == "https://issuer.example"


def test_a_prefix_counts_towards_the_length_of_the_id(jwks: Path) -> None:
    authenticator = TokenAuthenticator([issuer(jwks, id_prefix="corp/")], LIMITS, revocations=NothingRevoked())
    with pytest.raises(Unauthenticated, match="no id"):
        authenticator.caller(sign(claims(sub="a" * 252)), NOW_MS)


def test_a_remembered_token_expires(authenticator: TokenAuthenticator) -> None:
    authenticator.caller(FOR_CALLS, NOW_MS)
    authenticator.caller(FOR_CALLS, END_MS - 1)
    with pytest.raises(Unauthenticated, match="expired"):
        authenticator.caller(FOR_CALLS, END_MS)


def test_a_remembered_token_is_refused_when_the_clock_steps_back_before_it(authenticator: TokenAuthenticator) -> None:
    authenticator.caller(FOR_CALLS, NOW_MS)
    with pytest.raises(Unauthenticated, match="not valid yet"):
        authenticator.caller(FOR_CALLS, NOW_MS - 30_001)


def test_a_clock_that_stepped_forward_and_back_changes_nothing(authenticator: TokenAuthenticator) -> None:
    before = authenticator.caller(FOR_CALLS, NOW_MS)
    with pytest.raises(Unauthenticated):
        authenticator.caller(FOR_CALLS, END_MS)
    assert authenticator.caller(FOR_CALLS, NOW_MS) == before


def test_a_remembered_token_is_refused_once_its_key_is_gone(authenticator: TokenAuthenticator, jwks: Path) -> None:
    authenticator.caller(FOR_CALLS, NOW_MS)
    write_jwks(jwks, public_jwk(OTHER_EC_KEY))
    authenticator.reload_keys()
    with pytest.raises(Unauthenticated, match="no longer in its issuer's key set"):
        authenticator.caller(FOR_CALLS, NOW_MS)


def test_a_new_key_under_the_old_id_does_not_stand_for_the_old_one(
    authenticator: TokenAuthenticator, jwks: Path
) -> None:
    authenticator.caller(FOR_CALLS, NOW_MS)
    write_jwks(jwks, public_jwk(OTHER_EC_KEY, "k1"), public_jwk(ED_KEY, "k2"))
    authenticator.reload_keys()
    with pytest.raises(Unauthenticated, match="no longer"):
        authenticator.caller(FOR_CALLS, NOW_MS)


def test_keys_that_cannot_be_read_leave_the_old_ones_in_force(authenticator: TokenAuthenticator, jwks: Path) -> None:
    jwks.write_text("{")
    with pytest.raises(ConfigError):
        authenticator.reload_keys()
    assert authenticator.caller(FOR_CALLS, NOW_MS).principal.ref == Ref("User", "alice")


def test_a_remembered_token_with_another_signature_is_another_token(authenticator: TokenAuthenticator) -> None:
    authenticator.caller(FOR_CALLS, NOW_MS)
    with pytest.raises(Unauthenticated, match="verify"):
        authenticator.caller(FOR_CALLS.rsplit(".", 1)[0] + "." + FOR_ASKED.rsplit(".", 1)[1], NOW_MS)


def test_after_forgetting_a_token_is_verified_again(authenticator: TokenAuthenticator) -> None:
    before = authenticator.caller(FOR_CALLS, NOW_MS)
    authenticator.forget()
    again = authenticator.caller(FOR_CALLS, NOW_MS)
    assert again == before
    assert again is not before


def test_a_shared_secret_verifies_hmac_alone(tmp_path: Path) -> None:
    secret = EC_KEY.private_numbers().private_value.to_bytes(32, "big").hex().encode()
    settings = issuer(secret_file=write_secret(tmp_path / "secret", secret + b"\n"), algorithms=["HS256"])
    authenticator = TokenAuthenticator([settings], LIMITS, revocations=NothingRevoked())
    assert authenticator.caller(sign(claims(), secret, algorithm="HS256"), NOW_MS).principal.ref.id == "alice"
    for forged in (hmac_signed(claims(), secret + b"\n"), sign(claims(), secret, algorithm="HS512"), FOR_CALLS):
        with pytest.raises(Unauthenticated):
            authenticator.caller(forged, NOW_MS)


def test_an_rsa_public_key_is_no_shared_secret(tmp_path: Path) -> None:
    jwks = write_jwks(tmp_path / "rsa.json", public_jwk(RSA_KEY))
    authenticator = TokenAuthenticator(
        [issuer(jwks, algorithms=["RS256", "PS256"])], LIMITS, revocations=NothingRevoked()
    )
    assert authenticator.caller(sign(claims(), RSA_KEY, algorithm="PS256"), NOW_MS).principal.ref.id == "alice"
    with pytest.raises(Unauthenticated, match="algorithm"):
        authenticator.caller(hmac_signed(claims(), pem(RSA_KEY)), NOW_MS)


def test_a_key_bound_to_one_algorithm_verifies_no_other_of_its_family(tmp_path: Path) -> None:
    jwks = write_jwks(tmp_path / "rsa.json", public_jwk(RSA_KEY, alg="RS256"))
    authenticator = TokenAuthenticator(
        [issuer(jwks, algorithms=["RS256", "PS256"])], LIMITS, revocations=NothingRevoked()
    )
    with pytest.raises(Unauthenticated, match="algorithm"):
        authenticator.caller(sign(claims(), RSA_KEY, algorithm="PS256"), NOW_MS)


SHARED = "share the principal type"


@pytest.mark.parametrize(
    ("prefixes", "types", "fault"),
    [
        pytest.param(("", ""), ("User", "User"), SHARED, id="no prefix"),
        pytest.param(("a/", ""), ("User", "User"), SHARED, id="one without a prefix"),
        pytest.param(("a", "ab"), ("User", "User"), "one begins the other", id="one begins the other"),
        pytest.param(("a/", "a/"), ("User", "User"), "one begins the other", id="the same prefix"),
        pytest.param(("a\n", ""), ("User", "Robot"), "control characters", id="a prefix that is in no id"),
    ],
)
def test_issuers_that_could_name_one_principal_refuse_the_start(
    jwks: Path, prefixes: tuple[str, str], types: tuple[str, str], fault: str
) -> None:
    issuers: list[IssuerSettings] = [
        issuer(jwks, name=f"https://{number}.example", id_prefix=prefix, principal_type=principal_type)
        for number, (prefix, principal_type) in enumerate(zip(prefixes, types, strict=True))
    ]
    with pytest.raises(ConfigError, match=fault):
        TokenAuthenticator(issuers, LIMITS, revocations=NothingRevoked())


def test_issuers_with_prefixes_apart_share_a_type(jwks: Path) -> None:
    issuers = [issuer(jwks, id_prefix="a/"), issuer(jwks, name="https://b.example", id_prefix="b/")]
    authenticator = TokenAuthenticator(issuers, LIMITS, revocations=NothingRevoked())
    refs = {authenticator.caller(sign(claims(iss=name)), NOW_MS).principal.ref for name in (i.issuer for i in issuers)}
    assert refs == {Ref("User", "a/alice"), Ref("User", "b/alice")}


def test_an_issuer_that_stands_twice_refuses_the_start(jwks: Path) -> None:
    with pytest.raises(ConfigError, match="stands 2 times"):
        TokenAuthenticator([issuer(jwks), issuer(jwks, principal_type="Robot")], LIMITS, revocations=NothingRevoked())


def test_trusting_nobody_refuses_the_start() -> None:
    with pytest.raises(ConfigError, match="nobody could ask"):
        TokenAuthenticator([], LIMITS, revocations=NothingRevoked())


def test_an_over_long_token_is_refused_before_anything_is_done_with_it(authenticator: TokenAuthenticator) -> None:
    with pytest.raises(Unauthenticated, match="longer than 8192 bytes"):
        authenticator.caller("a" * 8193, NOW_MS)
