"""`magistrate issuer check` says whether discovery, keys and a token work, and why not, in words."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from policy_lang.types import Json
from service.cli import main
from tests.identity_provider.authority import make_authority
from tests.identity_provider.provider import CLIENT, DISCOVERY, INTROSPECTION, JWKS, Provider, Reply, providing
from tests.service.authn.forge import EC_KEY, OTHER_EC_KEY, public_jwk, sign, write_secret


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    with providing(make_authority(tmp_path)) as running:
        running.keys = [public_jwk(EC_KEY)]
        yield running


def check(provider: Provider, *arguments: str, token: str | None = None) -> Result:
    given = ["issuer", "check", provider.url, *arguments]
    if token is not None:
        given += ["--token-file", "-"]
    return CliRunner(env={"MAGISTRATE_CONFIG": ""}).invoke(main, given, input=token)


def trusted(provider: Provider) -> tuple[str, str]:
    return "--ca-file", str(provider.authority)


def token_of(provider: Provider, **changes: Json) -> str:
    now = int(time.time())
    said: dict[str, Json] = {"iss": provider.url, "sub": "alice", "aud": "magistrate", "iat": now, "exp": now + 60}
    return sign(said | changes)


def test_an_issuer_that_works_is_said_to(provider: Provider) -> None:
    provider.keys.append(public_jwk(OTHER_EC_KEY, "k2", use="enc"))
    result = check(provider, *trusted(provider), token=token_of(provider))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"ok  discovery         the keys are at {provider.url}{JWKS}",
        "ok  key               `'k1'` verifies ES256",
        f"--  key               key 2 of the JWKS of `{provider.url}{JWKS}` is not for signatures (`use`)",
        "--  keys              are looked at again after 3600 seconds",
        "--  token             says alg `'ES256'`, kid `'k1'`, typ `'JWT'`, "
        f"iss `'{provider.url}'`, aud `'magistrate'`",
        "ok  may call          Principal:alice",
        "--  may be asked for  the token is a caller's: its audience may not be asked about",
    ]


def test_a_token_that_does_not_verify_is_said_why(provider: Provider) -> None:
    for token, why in (
        (token_of(provider, exp=1), "the credential is expired"),
        (token_of(provider, aud="billing"), "does not verify (InvalidAudienceError)"),
        (token_of(provider, nonce="n"), "an ID token: it has `nonce`"),
        (sign({"iss": provider.url}, header={"kid": "k9"}), "names no key of its issuer"),
        ("2YotnFZFEjr1zCsicMWpAA", "it is opaque, and the issuer's settings have no introspection"),
        ("mk_1_secret", "has the form of: api key"),
    ):
        result = check(provider, *trusted(provider), token=token)
        assert (result.exit_code, why in result.stdout) == (1, True), result.stdout
        assert token.rsplit(".", 1)[-1] not in result.stdout


@pytest.mark.parametrize(("path", "step"), [(DISCOVERY, "discovery"), (JWKS, "keys")])
def test_what_cannot_be_fetched_is_said_why_and_ends_it(provider: Provider, path: str, step: str) -> None:
    provider.misbehaviour[path] = lambda: Reply(b"<html>", headers={"Content-Type": "text/html"})
    result = check(provider, *trusted(provider), "--output", "json", token=token_of(provider))
    assert result.exit_code == 1
    last = json.loads(result.stdout)[-1]
    assert (last["step"], last["outcome"]) == (step, "fails")
    assert "content type `text/html`" in last["said"]


def test_nothing_that_a_server_says_commands_the_terminal(provider: Provider) -> None:
    provider.misbehaviour[DISCOVERY] = lambda: Reply(b"{}", headers={"Content-Type": "te\x9b2Jxt"})
    result = check(provider, *trusted(provider))
    assert "content type `te?2jxt`" in result.stdout


def test_a_server_that_is_not_trusted_is_said_to_be_none(provider: Provider) -> None:
    result = check(provider)
    assert result.exit_code == 1
    assert "certificate" in result.stdout


def test_an_issuer_without_discovery_is_tried_at_its_jwks(provider: Provider) -> None:
    result = check(provider, *trusted(provider), "--jwks", provider.url + JWKS, "--algorithm", "RS256")
    assert result.exit_code == 1
    assert "has no key for the issuer's algorithms" in result.stdout
    assert provider.asked == {JWKS: 1}


def test_a_configured_issuer_is_tried_as_it_is_configured(provider: Provider, tmp_path: Path) -> None:
    secret = write_secret(tmp_path / "client.secret", CLIENT[1].encode())
    (tmp_path / "magistrate.toml").write_text(
        f"""
[[issuers]]
issuer = "{provider.url}"
audience = ["magistrate"]
ca_file = "{provider.authority}"
principal_type = "User"
[issuers.introspection]
url = "{provider.url}{INTROSPECTION}"
client_id = "{CLIENT[0]}"
client_secret_file = "{secret}"
"""
    )
    end = int(time.time()) + 60
    provider.tokens["opaque"] = {"active": True, "sub": "alice", "aud": "magistrate", "exp": end}
    config = "--config", str(tmp_path / "magistrate.toml")
    assert check(provider, *config, token="opaque").stdout.splitlines()[0] == "ok  may call          User:alice"
    refused = check(provider, *config, token="other")
    assert (refused.exit_code, refused.stdout) == (1, "no  token  the token is not active\n")
    assert check(provider, *config, "--audience", "x").exit_code == 2


def test_a_url_that_is_not_safe_is_refused() -> None:
    result = CliRunner().invoke(main, ["issuer", "check", "http://id.example.org"])
    assert result.exit_code == 2
    assert "is not https" in result.stderr
