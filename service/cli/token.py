"""`magistrate token`: makes tokens with the dev key pair, shows what a token says, and has tokens revoked."""

import re
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
import orjson

from policy_lang.forms import check_id
from policy_lang.notation import BadValue, parse_duration
from policy_lang.types import Json
from policy_lang.values import Ref
from service.authn.dev import AUDIENCE, RESERVED_CLAIMS, SUBJECT_AUDIENCE, mint
from service.cli.pairs import read_pairs
from service.cli.settings import FINDINGS, settings_options
from service.cli.token_report import inspect, lacks_keys, report_json, report_lines
from service.cli.token_revoke import revoke_command
from service.config import Settings
from service.errors import Unauthenticated

LONGEST: Final = timedelta(days=365)
_TYPE: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_ROLE: Final = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*", re.ASCII)
_STDIN_LIMIT: Final = 1 << 20


def _read_principal(_: click.Context, __: click.Parameter, text: str) -> Ref:
    type_, colon, id_ = text.partition(":")
    if not colon or not _TYPE.fullmatch(type_):
        raise click.BadParameter(f"`{text}` is not of the form TYPE:ID")
    try:
        return Ref(type_, check_id(id_))
    except BadValue as error:
        raise click.BadParameter(f"`{text}`: {error}") from error


def _read_roles(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> list[tuple[str, Ref | None]]:
    roles: list[tuple[str, Ref | None]] = []
    for text in texts:
        role, at, place = text.partition("@")
        if not _ROLE.fullmatch(role):
            raise click.BadParameter(f"`{text}` is not of the form ROLE or ROLE@TYPE:ID, with ROLE as `module.role`")
        roles.append((role, _read_principal(context, parameter, place) if at else None))
    return roles


def _read_ttl(_: click.Context, __: click.Parameter, text: str) -> timedelta:
    try:
        milliseconds = parse_duration(text)
    except BadValue as error:
        raise click.BadParameter(f"`{text}`: {error}") from error
    if not 1000 <= milliseconds <= LONGEST // timedelta(milliseconds=1):
        raise click.BadParameter(f"`{text}` is not between 1s and {LONGEST.days}d")
    return timedelta(milliseconds=milliseconds)


def _read_claims(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, Json]:
    claims: dict[str, Json] = {}
    for text in texts:
        for name, value in _claim(text).items():
            if name in RESERVED_CLAIMS:
                raise click.BadParameter(f"`{name}` is written by the mint")
            claims[name] = value
    return claims


def _claim(text: str) -> dict[str, Json]:
    name, equals, written = text.partition("=")
    if not (equals and name.endswith(":")):
        return {name: value for name, value in read_pairs([text], "--claim").items() if isinstance(value, int | str)}
    # Unlike an attribute, a claim may be any JSON.
    try:
        return {name.removesuffix(":"): orjson.loads(written)}
    except orjson.JSONDecodeError as error:
        raise click.BadParameter(f"`{written}` is not JSON: {error}") from error


@click.group()
def command() -> None:
    """Make, read and revoke tokens."""


command.add_command(revoke_command)


@command.command("mint")
@settings_options("data")
@click.option("--principal", metavar="TYPE:ID", callback=_read_principal, required=True, help="Whom the token names.")
@click.option(
    "--claim", "claims", metavar="K=V", callback=_read_claims, multiple=True, help="One claim more, or K:=JSON."
)
@click.option(
    "--role",
    "roles",
    metavar="ROLE[@TYPE:ID]",
    callback=_read_roles,
    multiple=True,
    help="A role that it carries, and where.",
)
@click.option(
    "--ttl", metavar="DURATION", callback=_read_ttl, default="15m", show_default=True, help="How long it holds."
)
@click.option("--audience", help=f"Whom it is meant for.  [default: {AUDIENCE}]")
@click.option("--subject", is_flag=True, help="Make a principal_token, which may be asked about and may not call.")
def mint_command(
    settings: Settings,
    principal: Ref,
    claims: dict[str, Json],
    roles: list[tuple[str, Ref | None]],
    ttl: timedelta,
    audience: str | None,
    subject: bool,
) -> None:
    """Print a token of the dev issuer, and nothing else.

    `serve --dev` on the same data folder trusts it, and lets it do everything.
    """
    if subject and audience is not None:
        raise click.UsageError("give --audience or --subject, not both")
    meant_for = SUBJECT_AUDIENCE if subject else audience or AUDIENCE
    now = time.time_ns() // 1_000_000
    click.echo(mint(settings.data, principal, now=now, ttl=ttl, audience=meant_for, claims=claims, roles=roles))


@command.command("inspect")
@settings_options("data")
@click.argument("token", required=False, envvar="MAGISTRATE_TOKEN")
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="A file with it.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def inspect_command(settings: Settings, token: str | None, token_file: Path | None, output: str) -> None:
    """Show what TOKEN says, without its signature; offline.

    TOKEN is `-` for standard input, or stands in --token-file or MAGISTRATE_TOKEN: unlike an argument, these are not
    shown to everybody who lists processes. It is verified if --config lists issuers, or --data names a folder with the
    dev key pair; otherwise nothing that it says is known to be true.

    Exit code: 0 shown (and verified, if it could be), 1 malformed or refused, 2 usage.
    """
    try:
        report = inspect(_token_of(token, token_file), settings, time.time_ns() // 1_000_000)
    except Unauthenticated as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(FINDINGS)
    click.echo(report_json(report) if output == "json" else "\n".join(report_lines(report)))
    if lacks_keys(report, settings):
        click.echo("help: `magistrate issuer check` fetches the keys of its issuer, and verifies it", err=True)
    sys.exit(FINDINGS if report.refusal else 0)


def _token_of(token: str | None, token_file: Path | None) -> str:
    if token_file is not None:
        with token_file.open("rb") as file:
            content = file.read(_STDIN_LIMIT)
    elif token == "-":  # noqa: S105  # the sign for standard input
        content = sys.stdin.buffer.read(_STDIN_LIMIT)
    elif token:
        return token.strip()
    else:
        raise click.UsageError("no token: give `-` and standard input, --token-file, MAGISTRATE_TOKEN, or the token")
    return content.decode("utf-8", "replace").strip()
