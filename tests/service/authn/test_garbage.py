"""Whatever a stranger sends as a token, the answer is Unauthenticated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_lang.types import Json
from service.authn.authenticator import NothingRevoked, TokenAuthenticator
from service.authn.bearer import bearer
from service.authn.strict_json import BadJson, parse_object
from service.config import Limits
from service.errors import Unauthenticated
from tests.service.authn.attacks import GOOD
from tests.service.authn.forge import EC_KEY, NOW_MS, claims, issuer, part, public_jwk, signed_raw, write_jwks

JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
HEADER_NAMES = st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "jku", "x5c", "b64", "cty", "zip"])
HEADERS = st.dictionaries(HEADER_NAMES, JSON, max_size=4)
CLAIM_NAMES = st.sampled_from(["iss", "sub", "aud", "exp", "nbf", "iat", "jti"])
# The letters that make a token, and some that do not.
TOKEN_TEXT = st.text(alphabet="eyJhbGciOiJF0-_.=\n é", max_size=200)


@pytest.fixture(scope="module")
def authenticator(tmp_path_factory: pytest.TempPathFactory) -> TokenAuthenticator:
    jwks = write_jwks(tmp_path_factory.mktemp("keys") / "jwks.json", public_jwk(EC_KEY))
    return TokenAuthenticator([issuer(jwks)], Limits(), revocations=NothingRevoked())


def refused(authenticator: TokenAuthenticator, token: str) -> None:
    with pytest.raises(Unauthenticated):
        authenticator.caller(token, NOW_MS)


@given(text=st.text() | TOKEN_TEXT | st.binary().map(lambda data: data.decode("latin-1")))
def test_random_text_is_refused(authenticator: TokenAuthenticator, text: str) -> None:
    refused(authenticator, text)


@given(parts=st.tuples(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=80)))
def test_random_bytes_in_three_parts_are_refused(authenticator: TokenAuthenticator, parts: tuple[bytes, ...]) -> None:
    refused(authenticator, ".".join(part(piece) for piece in parts))


@given(at=st.integers(0, len(GOOD) - 1), letter=st.sampled_from("AZaz09-_.= \n"))
def test_a_token_with_one_letter_changed_is_refused(authenticator: TokenAuthenticator, at: int, letter: str) -> None:
    changed = GOOD[:at] + letter + GOOD[at + 1 :]
    if changed != GOOD:
        refused(authenticator, changed)


@given(start=st.integers(0, len(GOOD)), end=st.integers(0, len(GOOD)))
def test_a_token_with_a_piece_cut_out_is_refused(authenticator: TokenAuthenticator, start: int, end: int) -> None:
    if start < end:
        refused(authenticator, GOOD[:start] + GOOD[end:])


@given(header=HEADERS | JSON, payload=st.dictionaries(CLAIM_NAMES, JSON, max_size=5) | JSON)
def test_random_json_under_a_good_signature_is_refused(
    authenticator: TokenAuthenticator, header: Json, payload: Json
) -> None:
    refused(authenticator, signed_raw(header, payload))


@given(header=HEADERS, changes=st.dictionaries(CLAIM_NAMES, JSON, min_size=1, max_size=3))
def test_a_signer_who_writes_odd_claims_names_alice_or_nobody(
    authenticator: TokenAuthenticator, header: dict[str, Json], changes: dict[str, Json]
) -> None:
    token = signed_raw({"alg": "ES256", "kid": "k1"} | header, claims() | changes)
    try:
        caller = authenticator.caller(token, NOW_MS)
    except Unauthenticated:
        return
    assert caller.principal.ref.id == changes.get("sub", "alice")


@given(values=st.lists(st.text(max_size=40) | st.binary(max_size=10), max_size=3))
def test_random_metadata_holds_one_credential_or_none(values: list[str | bytes]) -> None:
    try:
        token = bearer(values)
    except Unauthenticated:
        return
    assert len(values) == 1
    assert token in str(values[0])


@given(data=st.binary(max_size=80) | JSON.map(lambda value: part(value).encode()))
def test_random_bytes_are_an_object_or_bad_json(data: bytes) -> None:
    try:
        parse_object(data)
    except BadJson:
        return
    assert data.strip().startswith(b"{")
