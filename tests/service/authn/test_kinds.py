"""Access tokens are told from their siblings, hold for as long as their issuer allows, and say what was allowed."""

from pathlib import Path

import pytest

from policy_lang.types import Json
from policy_lang.values import BAD_VALUE, Ref
from service.authn.authenticator import NothingRevoked, TokenAuthenticator
from service.config import Limits
from service.errors import Unauthenticated
from service.model import CheckRequest, GivenEntity
from service.policies.folder import activate
from service.questions import question_of
from tests.service.authn.forge import ASKED, CALLS, EC_KEY, NOW, NOW_MS, claims, public_jwk, settings, sign, write_jwks


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    return write_jwks(tmp_path / "jwks.json", public_jwk(EC_KEY))


def authenticator_of(jwks: Path, **others: object) -> TokenAuthenticator:
    trusted = settings(jwks_file=jwks, **others)
    return TokenAuthenticator([trusted], Limits(clock_skew_seconds=30), revocations=NothingRevoked())


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", "jwt", "application/jwt"])
def test_an_access_token_is_known_by_its_typ_however_it_is_written(jwks: Path, typ: str) -> None:
    assert authenticator_of(jwks).caller(sign(claims(), header={"typ": typ}), NOW_MS).principal.ref.id == "alice"


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"azp": "shop"}, id="issued to a client that it is not for"),
        pytest.param({"azp": CALLS, "scope": "read"}, id="for its own client, with a scope"),
        pytest.param({"typ": "Bearer", "token_use": "access"}, id="a kind that its issuer says"),
    ],
)
def test_what_access_tokens_say_too_makes_no_id_token(jwks: Path, said: dict[str, Json]) -> None:
    assert authenticator_of(jwks).caller(sign(claims(**said)), NOW_MS).principal.ref.id == "alice"


def test_a_token_whose_typ_says_at_jwt_may_have_any_claim(jwks: Path) -> None:
    told = sign(claims(nonce="n", azp=CALLS), header={"typ": "at+jwt"})
    assert authenticator_of(jwks).caller(told, NOW_MS).principal.ref.id == "alice"


@pytest.mark.parametrize("header", [{}, {"typ": "JWT"}, {"typ": "logout+jwt"}])
def test_where_at_jwt_is_required_every_other_typ_is_refused(jwks: Path, header: dict[str, Json]) -> None:
    authenticator = authenticator_of(jwks, require_at_jwt=True)
    assert authenticator.caller(sign(claims(), header={"typ": "at+jwt"}), NOW_MS)
    with pytest.raises(Unauthenticated, match="at\\+jwt"):
        authenticator.caller(sign(claims(), header=header), NOW_MS)


def test_a_token_bound_to_a_key_may_be_asked_about_and_may_not_call(jwks: Path) -> None:
    bound = sign(claims(aud=[CALLS, ASKED], cnf={"jkt": "x"}))
    assert authenticator_of(jwks).principal(bound, NOW_MS).ref.id == "alice"
    with pytest.raises(Unauthenticated, match="bound to a key"):
        authenticator_of(jwks).caller(bound, NOW_MS)


def test_a_token_is_refused_once_it_is_older_than_its_issuer_allows(jwks: Path) -> None:
    authenticator, token = authenticator_of(jwks, max_age_seconds=60), sign(claims())
    assert authenticator.caller(token, NOW_MS + 90_000 - 1)
    with pytest.raises(Unauthenticated, match="expired"):
        authenticator.caller(token, NOW_MS + 90_000)


def test_a_maximum_age_makes_no_token_hold_beyond_its_end(jwks: Path) -> None:
    with pytest.raises(Unauthenticated, match="expired"):
        authenticator_of(jwks, max_age_seconds=3600).caller(sign(claims(exp=NOW + 10)), NOW_MS + 40_000)


def test_where_there_is_a_maximum_age_a_token_without_iat_is_refused(jwks: Path) -> None:
    with pytest.raises(Unauthenticated, match="its age is not known"):
        authenticator_of(jwks, max_age_seconds=60).caller(sign(claims(iat=None)), NOW_MS)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({"scope": "write read"}, ["read", "write"], id="a text"),
        pytest.param({"scp": "read write read"}, ["read", "write"], id="a text of the other name, one twice"),
        pytest.param({"scp": ["write", "read"]}, ["read", "write"], id="a list"),
        pytest.param({"scope": "read", "scp": ["read"]}, ["read"], id="both names, alike"),
        pytest.param({"scope": ""}, [], id="nothing"),
        pytest.param({}, None, id="not said"),
    ],
)
def test_scopes_are_a_set_under_both_names(jwks: Path, said: dict[str, Json], expected: Json) -> None:
    found = authenticator_of(jwks).caller(sign(claims(**said)), NOW_MS).principal.claims
    assert found is not None
    assert (found.get("scope"), found.get("scp")) == (expected, expected)


def test_scopes_and_nested_claims_are_typed_attributes_of_a_policy(jwks: Path) -> None:
    policies = activate(
        {
            "shop.policy": """
module shop
principal type User from token {
  scopes: set<string> from claim "scope", level: int? from claim "org" "level", unit: string? from claim "org" "unit"
}
type Order { }
actions Order { read }
rule reading: allow read on Order to User when "orders" in principal.scopes
"""
        }
    )
    said = sign(claims(scope="write orders", org={"level": "high", "unit": "north"}))
    principal = authenticator_of(jwks).caller(said, NOW_MS).principal
    asked = CheckRequest("r1", "read", GivenEntity(Ref("Order", "o1")))
    question = question_of(asked, principal=principal, schema=policies.bundle.program.schema, now=NOW_MS)
    cells = question.principal_cells
    assert (cells["scopes"], cells["level"], cells["unit"]) == (frozenset({"orders", "write"}), BAD_VALUE, "north")
