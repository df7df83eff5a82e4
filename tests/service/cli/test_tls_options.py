"""The options of TLS go together or are refused before anything is sent."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import main
from tests.identity_provider.clients import ClientAuthority, host

CHECK = ("check", "read", "Document:plan", "--server", "127.0.0.1:1", "--timeout", "0.2")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An authority's certificate, one of its own with its key, in the current folder; no variable says more."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAGISTRATE_TOKEN", raising=False)
    authority = ClientAuthority("authority")
    Path("ca.pem").write_bytes(authority.pem)
    authority.holding(host("localhost")).write(Path("own.pem"), Path("own.key"))


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--ca-file", "ca.pem", "--insecure", "--token", "t"), "--insecure is plain text"),
        (("--certificate-file", "own.pem"), "give --certificate-file and --key-file together"),
        (("--key-file", "own.key", "--token", "t"), "give --certificate-file and --key-file together"),
        (("--ca-file", "none.pem", "--token", "t"), "`none.pem` cannot be read"),
        (("--ca-file", "ca.pem"), "no token: give"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: tuple[str, ...], why: str) -> None:
    for command in (CHECK, ("key", "list", "--server", "127.0.0.1:1")):
        result = CliRunner().invoke(main, [*command, *options])
        assert (result.exit_code, why in result.output) == (2, True), result.output


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    "options", [("--ca-file", "ca.pem", "--token", "t"), ("--certificate-file", "own.pem", "--key-file", "own.key")]
)
def test_options_that_go_together_lead_to_the_service(options: tuple[str, ...]) -> None:
    assert CliRunner().invoke(main, [*CHECK, *options]).exit_code == 3
