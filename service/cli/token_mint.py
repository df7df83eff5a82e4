"""`magistrate token mint`: makes a token with the dev key pair."""

import re
import time
from datetime import timedelta
from typing import Final

import click
import orjson

from policy_lang.forms import check_id
from policy_lang.notation import BadValue, parse_duration
from policy_lang.types import Json
from policy_lang.values import Ref
from service.authn.dev import AUDIENCE, RESERVED_CLAIMS, SUBJECT_AUDIENCE, has_dev_keys, mint
from service.cli.settings import settings_options
from service.config import Settings

LONGEST: Final = timedelta(days=365)
_TYPE: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_ROLE: Final = re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*", re.ASCII)


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
    from service.cli.pairs import read_pairs

    name, equals, written = text.partition("=")
    if not (equals and name.endswith(":")):
        return {name: value for name, value in read_pairs([text], "--claim").items() if isinstance(value, int | str)}
    # Unlike an attribute, a claim may be any JSON.
    try:
        return {name.removesuffix(":"): orjson.loads(written)}
    except orjson.JSONDecodeError as error:
        raise click.BadParameter(f"`{written}` is not JSON: {error}") from error


@click.command("mint")
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
    if not has_dev_keys(settings.data):
        click.echo(f"note: the key pair in `{settings.data}` is new: no service that runs trusts it", err=True)
    click.echo(mint(settings.data, principal, now=now, ttl=ttl, audience=meant_for, claims=claims, roles=roles))
