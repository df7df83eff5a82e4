"""`magistrate token` makes tokens that verify, and never presents an unverified one as true."""

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from policy_lang.values import Ref
from service.authn.authenticator import NothingRevoked, TokenAuthenticator
from service.authn.dev import dev_issuers, mint
from service.cli import main
from service.config import Limits

UNVERIFIED = "NOT VERIFIED"


def run(*arguments: str, stdin: str = "", environment: Mapping[str, str] | None = None) -> Result:
    return CliRunner(env=dict(environment or {})).invoke(main, ["token", *arguments], input=stdin)


def now() -> int:
    return time.time_ns() // 1_000_000


def minted(data: Path, *, age: timedelta = timedelta()) -> str:
    issued_at = now() - age // timedelta(milliseconds=1)
    return mint(data, Ref("User", "alice"), now=issued_at, ttl=timedelta(minutes=15))


def test_mint_prints_a_token_that_verifies_and_nothing_else(tmp_path: Path) -> None:
    claims = ("--claim", "team=red", "--claim", "level=3", "--claim", 'tags:=["a", {"b": null}]')
    result = run("mint", "--principal", "User:alice", *claims, "--data", str(tmp_path))
    assert result.exit_code == 0
    token = result.stdout.removesuffix("\n")
    caller = TokenAuthenticator(dev_issuers(tmp_path, ["User"]), Limits(), revocations=NothingRevoked()).caller(
        token, now()
    )
    assert caller.principal.ref == Ref("User", "alice")
    assert caller.principal.claims is not None
    assert {name: caller.principal.claims[name] for name in ("team", "level", "tags")} == {
        "team": "red",
        "level": 3,
        "tags": ["a", {"b": None}],
    }


def test_mint_says_when_the_key_pair_is_one_that_no_service_knows(tmp_path: Path) -> None:
    first, second = (run("mint", "--principal", "User:alice", "--data", str(tmp_path)) for _ in range(2))
    assert first.stderr == f"note: the key pair in `{tmp_path}` is new: no service that runs trusts it\n"
    assert second.stderr == ""


def test_mint_makes_a_principal_token(tmp_path: Path) -> None:
    result = run("mint", "--principal", "User:alice", "--subject", "--data", str(tmp_path))
    authenticator = TokenAuthenticator(dev_issuers(tmp_path, ["User"]), Limits(), revocations=NothingRevoked())
    assert authenticator.principal(result.stdout.strip(), now()).ref == Ref("User", "alice")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["--principal", "alice"], "not of the form TYPE:ID", id="no type"),
        pytest.param(["--principal", "User:"], "an id is not empty", id="no id"),
        pytest.param(["--principal", "User/x:alice"], "not of the form TYPE:ID", id="no name of a type"),
        pytest.param([], "Missing option '--principal'", id="no principal"),
        pytest.param(["--principal", "User:a", "--ttl", "soon"], "expected a duration", id="no duration"),
        pytest.param(["--principal", "User:a", "--ttl", "0s"], "not between 1s and 365d", id="no time at all"),
        pytest.param(["--principal", "User:a", "--ttl", "366d"], "not between 1s and 365d", id="too long"),
        pytest.param(["--principal", "User:a", "--claim", "sub=root"], "written by the mint", id="a reserved claim"),
        pytest.param(["--principal", "User:a", "--claim", "team"], "NAME=VALUE", id="a claim without a value"),
        pytest.param(["--principal", "User:a", "--claim", "team:=red"], "is not JSON", id="a claim that is no JSON"),
        pytest.param(["--principal", "User:a", "--subject", "--audience", "x"], "not both", id="two audiences"),
    ],
)
def test_mint_refuses_what_cannot_be_meant(tmp_path: Path, arguments: list[str], says: str) -> None:
    result = run("mint", *arguments, "--data", str(tmp_path))
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""


def test_inspect_says_loudly_what_is_not_verified(tmp_path: Path) -> None:
    result = run("inspect", minted(tmp_path))
    assert result.exit_code == 0
    assert result.stdout.startswith(UNVERIFIED)
    assert '"alice"' in result.stdout


@pytest.mark.parametrize("way", ["stdin", "file", "environment"])
def test_inspect_takes_the_token_where_nobody_sees_it(tmp_path: Path, way: str) -> None:
    token = minted(tmp_path / "data")
    (tmp_path / "token").write_text(token + "\n")
    data = ("--data", str(tmp_path / "data"))
    results = {
        "stdin": lambda: run("inspect", "-", *data, stdin=token + "\n"),
        "file": lambda: run("inspect", "--token-file", str(tmp_path / "token"), *data),
        "environment": lambda: run("inspect", *data, environment={"MAGISTRATE_TOKEN": token}),
    }
    result = results[way]()
    assert result.exit_code == 0
    assert result.stdout.startswith("verified\n  may call as       User:alice\n  may be asked for  nobody\n")


def test_inspect_never_prints_the_signature(tmp_path: Path) -> None:
    token = minted(tmp_path)
    for output in ("table", "json"):
        assert token.rsplit(".", 1)[1] not in run("inspect", token, "--output", output).output


def test_inspect_refuses_what_does_not_verify(tmp_path: Path) -> None:
    expired = minted(tmp_path, age=timedelta(hours=1))
    result = run("inspect", "-", "--data", str(tmp_path), "--output", "json", stdin=expired)
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert (report["verified"], report["caller"], report["principal"]) == (False, None, None)
    assert report["refusal"] == "the credential is expired"
    assert report["claims"]["sub"] == "alice"


def test_inspect_by_a_folder_without_keys_verifies_nothing_and_makes_none(tmp_path: Path) -> None:
    token = minted(tmp_path / "a")
    assert run("inspect", token, "--data", str(tmp_path / "b")).stdout.startswith(UNVERIFIED)
    assert not (tmp_path / "b").exists()


def test_inspect_verifies_by_the_issuers_of_the_configuration(tmp_path: Path) -> None:
    token = minted(tmp_path)
    (tmp_path / "magistrate.toml").write_text(
        f"""
        [[issuers]]
        issuer = "https://dev.magistrate.invalid/User"
        audience = ["magistrate"]
        subject_audiences = ["magistrate"]
        algorithms = ["ES256"]
        jwks_file = "{tmp_path / "dev" / "jwks.json"}"
        principal_type = "Member"
        id_prefix = "dev/"
        """
    )
    result = run("inspect", token, "--config", str(tmp_path / "magistrate.toml"))
    assert result.stdout.startswith(
        "verified\n  may call as       Member:dev/alice\n  may be asked for  Member:dev/alice"
    )


def test_what_a_token_says_cannot_command_the_terminal(tmp_path: Path) -> None:
    claims = {"\x1b[2J": "\x1b]0;title\x07 \u202e \x9b31m"}
    token = mint(tmp_path, Ref("User", "alice"), now=now(), ttl=timedelta(minutes=1), claims=claims)
    for output in ("table", "json"):
        shown = run("inspect", token, "--output", output).stdout
        assert all(letter == "\n" or " " <= letter <= "~" for letter in shown)


@pytest.mark.parametrize("text", ["abc", "a.b.c", "\x00", "a" * 9000])
def test_inspect_of_what_is_no_token_is_a_finding(text: str) -> None:
    result = run("inspect", "-", stdin=text)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: the token is")


def test_inspect_without_a_token_is_a_wrong_usage() -> None:
    assert run("inspect").exit_code == 2
