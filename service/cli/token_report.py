"""Says what a token says, when it holds, and whether it verifies; it never shows the signature.

What comes from the token is written as ASCII JSON, so that it cannot command the terminal.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import click

from policy_lang.notation import format_duration
from policy_lang.types import Json
from service.authn.authenticator import NothingRevoked, TokenAuthenticator
from service.authn.dev import find_dev_issuer
from service.authn.jwt import read_unverified
from service.config import Settings
from service.errors import Unauthenticated
from service.issuer_settings import IssuerSettings
from service.model import Principal

_TIMES: Final = ("exp", "nbf", "iat", "auth_time")


@dataclass(frozen=True, slots=True)
class TokenReport:
    """What a token says at `now`; `caller` and `principal` are `Type:id` where it verified for that role."""

    header: Mapping[str, Json]
    claims: Mapping[str, Json]
    now: int
    was_tried: bool
    caller: str | None
    principal: str | None
    refusal: str | None


def inspect(token: str, settings: Settings, now: int) -> TokenReport:
    """The report; Unauthenticated if the text is no token at all, ConfigError if the issuers' keys cannot be read."""
    unverified = read_unverified(token, settings.limits.token_bytes)
    issuers = _issuers_for(unverified.claims.get("iss"), settings)
    if not issuers:
        return TokenReport(unverified.header, unverified.claims, now, False, None, None, None)
    authenticator = TokenAuthenticator(issuers, settings.limits, revocations=NothingRevoked())
    caller, not_caller = _try(lambda: authenticator.caller(token, now).principal)
    principal, not_principal = _try(lambda: authenticator.principal(token, now))
    refusal = not_caller if not_caller and not_principal else None
    return TokenReport(unverified.header, unverified.claims, now, True, caller, principal, refusal)


def _try(authenticate: Callable[[], Principal]) -> tuple[str | None, str | None]:
    """Whom the token names in that role, or why it names nobody."""
    try:
        return str(authenticate().ref), None
    except Unauthenticated as error:
        return None, str(error)


def _issuers_for(issuer: Json, settings: Settings) -> list[IssuerSettings]:
    """The configured issuers; without any, the dev issuer of a data folder that was named."""
    if settings.issuers or "data" not in settings.model_fields_set:
        is_fetched = any(each.issuer == issuer and each.has_remote_keys for each in settings.issuers)
        return [] if is_fetched else settings.issuers
    found = find_dev_issuer(settings.data, issuer) if isinstance(issuer, str) else None
    return [found] if found is not None else []


def lacks_keys(report: TokenReport, settings: Settings) -> bool:
    """Whether it was not verified because the keys of its issuer would have to be fetched."""
    return any(each.issuer == report.claims.get("iss") and each.has_remote_keys for each in settings.issuers)


def report_json(report: TokenReport) -> str:
    """The report as JSON."""
    fields = {
        "verified": report.was_tried and report.refusal is None,
        "caller": report.caller,
        "principal": report.principal,
        "refusal": report.refusal,
        "header": report.header,
        "claims": report.claims,
    }
    return json.dumps(fields, indent=2)


def report_lines(report: TokenReport) -> Iterator[str]:
    """The report as a person reads it, its standing first."""
    yield from _standing(report)
    for title, members in (("header", report.header), ("claims", report.claims)):
        yield title
        width = max((len(json.dumps(name)) for name in members), default=0) - 2
        for name, value in members.items():
            moment = f"  {_moment(value, report.now)}" if title == "claims" and name in _TIMES else ""
            yield f"  {json.dumps(name)[1:-1]:{width}}  {json.dumps(value)}{moment}"


def _standing(report: TokenReport) -> Iterator[str]:
    if not report.was_tried:
        yield click.style("NOT VERIFIED: anybody could have written this", fg="yellow", bold=True)
    elif report.refusal is not None:
        yield click.style(f"REFUSED: {report.refusal}", fg="red", bold=True)
    else:
        yield click.style("verified", fg="green", bold=True)
        yield f"  may call as       {report.caller or 'nobody'}"
        yield f"  may be asked for  {report.principal or 'nobody'}"


def _moment(value: Json, now: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "(no time)"
    try:
        moment = datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return "(no time)"
    distance = int(value) * 1000 - now // 1000 * 1000
    away = format_duration(abs(distance))
    return f"{moment:%Y-%m-%dT%H:%M:%SZ} ({f'in {away}' if distance > 0 else f'{away} ago'})"
