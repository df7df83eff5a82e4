"""The dev key pair is made once, for its owner alone, and its tokens verify."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from policy_lang.notation import BadValue
from policy_lang.types import Json
from policy_lang.values import Ref
from service.authn.authenticator import NothingRevoked, TokenAuthenticator
from service.authn.dev import SUBJECT_AUDIENCE, dev_issuer, dev_issuers, mint
from service.config import Limits
from service.errors import ConfigError, Unauthenticated
from tests.service.authn.forge import NOW_MS

TTL = timedelta(minutes=15)
ALICE = Ref("User", "alice")


def authenticator(data: Path) -> TokenAuthenticator:
    return TokenAuthenticator(dev_issuers(data, ["User", "Robot"]), Limits(), revocations=NothingRevoked())


def test_a_minted_token_names_its_principal(tmp_path: Path) -> None:
    token = mint(tmp_path, Ref("Robot", "r2"), now=NOW_MS, ttl=TTL, claims={"tenant": "t1"})
    caller = authenticator(tmp_path).caller(token, NOW_MS)
    assert caller.principal.ref == Ref("Robot", "r2")
    assert caller.principal.claims is not None
    assert caller.principal.claims["tenant"] == "t1"
    assert caller.issuer == dev_issuer(tmp_path, "Robot").issuer


def test_a_minted_subject_token_is_asked_about_and_does_not_call(tmp_path: Path) -> None:
    token = mint(tmp_path, ALICE, now=NOW_MS, ttl=TTL, audience=SUBJECT_AUDIENCE)
    assert authenticator(tmp_path).principal(token, NOW_MS).ref == ALICE
    with pytest.raises(Unauthenticated):
        authenticator(tmp_path).caller(token, NOW_MS)


def test_a_minted_token_ends(tmp_path: Path) -> None:
    token = mint(tmp_path, ALICE, now=NOW_MS, ttl=timedelta(seconds=1))
    with pytest.raises(Unauthenticated, match="expired"):
        authenticator(tmp_path).caller(token, NOW_MS + 31_000)


def test_the_keys_of_another_folder_verify_nothing(tmp_path: Path) -> None:
    token = mint(tmp_path / "a", ALICE, now=NOW_MS, ttl=TTL)
    with pytest.raises(Unauthenticated):
        authenticator(tmp_path / "b").caller(token, NOW_MS)


def test_the_key_pair_is_kept_and_open_to_its_owner_alone(tmp_path: Path) -> None:
    token = mint(tmp_path, ALICE, now=NOW_MS, ttl=TTL)
    before = (tmp_path / "dev" / "signing-key.pem").read_bytes()
    authenticator(tmp_path).caller(token, NOW_MS)
    assert (tmp_path / "dev" / "signing-key.pem").read_bytes() == before
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [tmp_path / "dev", *(tmp_path / "dev").iterdir()]}
    assert modes == {"dev": 0o700, "signing-key.pem": 0o600, "jwks.json": 0o600}


def test_the_jwks_holds_the_public_key_alone(tmp_path: Path) -> None:
    jwks_file = dev_issuer(tmp_path, "User").jwks_file
    assert jwks_file is not None
    listed = json.loads(jwks_file.read_text())["keys"]
    assert [set(key) for key in listed] == [{"kty", "crv", "x", "y", "kid", "use", "alg"}]


def test_of_many_who_make_the_key_pair_at_once_all_get_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda _: mint(tmp_path, ALICE, now=NOW_MS, ttl=TTL), range(8)))
    verifying = authenticator(tmp_path)
    assert {verifying.caller(token, NOW_MS).principal.ref for token in tokens} == {ALICE}


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    mint(tmp_path, ALICE, now=NOW_MS, ttl=TTL)
    (tmp_path / "dev" / "signing-key.pem").chmod(0o644)
    with pytest.raises(ConfigError, match="open to others"):
        dev_issuer(tmp_path, "User")


def test_a_broken_key_is_refused_and_says_what_to_do(tmp_path: Path) -> None:
    mint(tmp_path, ALICE, now=NOW_MS, ttl=TTL)
    (tmp_path / "dev" / "signing-key.pem").write_text("broken")
    with pytest.raises(ConfigError, match="is broken\nhelp: remove it"):
        mint(tmp_path, ALICE, now=NOW_MS, ttl=TTL)


def test_a_jwks_that_is_not_of_the_key_is_written_anew(tmp_path: Path) -> None:
    token = mint(tmp_path, ALICE, now=NOW_MS, ttl=TTL)
    (tmp_path / "dev" / "jwks.json").write_text("{}")
    assert authenticator(tmp_path).caller(token, NOW_MS).principal.ref == ALICE


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be made or read: file exists"):
        dev_issuer(tmp_path / "file", "User")


@pytest.mark.parametrize("claims", [{"sub": "root"}, {"iss": "x"}, {"exp": 1}])
def test_claims_of_the_mints_own_are_not_taken(tmp_path: Path, claims: dict[str, Json]) -> None:
    with pytest.raises(ValueError, match="written by the mint"):
        mint(tmp_path, ALICE, now=NOW_MS, ttl=TTL, claims=claims)


def test_an_id_that_is_none_is_not_minted(tmp_path: Path) -> None:
    with pytest.raises(BadValue):
        mint(tmp_path, Ref("User", ""), now=NOW_MS, ttl=TTL)
