"""`magistrate issuer`: tries whether an issuer of tokens works, before a service depends on it."""

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final, TypedDict, Unpack

import click
from pydantic import ValidationError

from service.authn.issuer_check import IssuerCheck, Outcome, Step, is_good
from service.cli.output import Output, output_option, print_rows
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.errors import ConfigError
from service.issuer_settings import IssuerSettings

_STDIN_LIMIT: Final = 1 << 20
_PUBLIC: Final = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
]  # fmt: skip
_COLORS: Final = {Outcome.WORKS: "green", Outcome.FAILS: "red", Outcome.NOTED: None}


class Described(TypedDict):
    """What the options say of an issuer."""

    audience: tuple[str, ...]
    algorithms: tuple[str, ...]
    jwks_url: str | None
    ca_file: Path | None
    insecure_loopback: bool


@click.group()
def command() -> None:
    """Try whether issuers of tokens work."""


@command.command("check")
@settings_options()
@click.argument("url")
@click.option("--token-file", type=click.File("rb"), help="A token of the issuer to verify; `-` for standard input.")
@click.option("--audience", multiple=True, help="Whom the token must be for.  [default: magistrate]")
@click.option("--algorithm", "algorithms", multiple=True, help="What its keys may verify.  [default: all but HMAC]")
@click.option("--jwks", "jwks_url", metavar="URL", help="Where its keys are, if it has no discovery.")
@click.option("--ca-file", type=click.Path(path_type=Path, dir_okay=False), help="Whom its servers are trusted by.")
@click.option("--insecure-loopback", is_flag=True, help="Let its URLs be http on this machine.")
@output_option
def check_command(
    settings: Settings, url: str, token_file: IO[bytes] | None, output: Output, **described: Unpack[Described]
) -> None:
    """Try the issuer at URL, its `iss`: discovery, keys and, with --token-file, a token; say why what does not work.

    An issuer that --config lists is tried by what is written there, files and introspection included; another one by
    the options. It asks the issuer as a service would, from this machine.

    Exit code: 0 it works, 1 it does not, 2 usage.
    """
    issuer = next((each for each in settings.issuers if each.issuer == url), None)
    if issuer is None:
        issuer = _described(url, described)
    elif any(described.values()):
        raise click.UsageError("the configuration lists this issuer: leave out the options that say how it is")
    token = None if token_file is None else token_file.read(_STDIN_LIMIT).decode("utf-8", "replace").strip()
    checking = IssuerCheck(issuer, settings.limits, lambda: time.time_ns() // 1_000_000)
    steps = asyncio.run(checking.run(token))
    _print(steps, output)
    sys.exit(0 if is_good(steps) else FINDINGS)


def _described(url: str, described: Described) -> IssuerSettings:
    wanted = {
        **described,
        "issuer": url,
        "audience": described["audience"] or ["magistrate"],
        "algorithms": described["algorithms"] or _PUBLIC,
        "discovery": described["jwks_url"] is None,
        "principal_type": "Principal",
    }
    try:
        return IssuerSettings.model_validate(wanted)
    except ValidationError as error:
        raise ConfigError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error


def _print(steps: Sequence[Step], output: Output) -> None:
    if output != "table":
        rows = [{"step": each.name, "outcome": each.outcome.name.lower(), "said": each.said} for each in steps]
        print_rows(rows, output)
        return
    width = max(len(each.name) for each in steps)
    for each in steps:
        first, *rest = [_harmless(line) for line in each.said.splitlines()] or [""]
        click.echo(f"{click.style(each.outcome.value, fg=_COLORS[each.outcome])}  {each.name:{width}}  {first}")
        for line in rest:
            click.echo(f"    {'':{width}}  {line}")


def _harmless(line: str) -> str:
    """The line without anything that commands a terminal: parts of it come from the issuer's servers."""
    return "".join(each if each.isprintable() else "?" for each in line)
