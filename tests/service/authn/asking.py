"""A worker that asks the tests' provider about opaque tokens, and what the provider says of good ones."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from policy_lang.types import Json
from service.authn.authenticator import TokenAuthenticator
from service.authn.form import Form
from service.authn.introspection import Introspection
from service.authn.opaque import OpaqueTokens
from service.config import Limits
from service.errors import Unauthenticated
from service.issuer_settings import IssuerSettings
from service.model import Caller, Principal
from service.ports import Revocations
from tests.identity_provider.provider import CLIENT, INTROSPECTION, Provider
from tests.service.authn.forge import NOW_MS, claims, settings, write_secret
from tests.service.clock import Clock

TOKEN = "2YotnFZFEjr1zCsicMWpAA"
LIMITS = Limits(clock_skew_seconds=30)


def good(**changes: Json) -> dict[str, Json]:
    """What the issuer says of a good token, with some of it changed; None takes it out."""
    said: dict[str, Json] = {**claims(), "active": True, "token_type": "Bearer", **changes}
    return {name: value for name, value in said.items() if value is not None}


@dataclass
class Asking:
    """An authenticator of a worker that asks the provider."""

    authenticator: TokenAuthenticator
    clock: Clock = field(default_factory=Clock)

    async def caller(self, token: str, now: int = NOW_MS) -> Caller:
        """The caller, as the reception finds it."""
        try:
            return self.authenticator.caller(token, now)
        except Unauthenticated as error:
            if error.fetch is None:
                raise
            await error.fetch()
        return self.authenticator.caller(token, now)

    async def principal(self, token: str) -> Principal:
        """Whom a question is about, as the door finds it."""
        try:
            return self.authenticator.principal(token, NOW_MS)
        except Unauthenticated as error:
            if error.fetch is None:
                raise
            await error.fetch()
        return self.authenticator.principal(token, NOW_MS)

    async def why_not(self, token: str) -> str:
        """Why the token is no caller's."""
        with pytest.raises(Unauthenticated) as refused:
            await self.caller(token)
        return str(refused.value)


def issuer_of(provider: Provider, folder: Path, **changes: object) -> IssuerSettings:
    secret = write_secret(folder / "client.secret", CLIENT[1].encode() + b"\n")
    asked = {"url": provider.url + INTROSPECTION, "client_id": CLIENT[0], "client_secret_file": secret, **changes}
    return settings(introspection=asked, algorithms=[], ca_file=provider.authority)


def asking_of(issuer: IssuerSettings, revocations: Revocations) -> tuple[Asking, Introspection]:
    assert issuer.introspection is not None
    endpoint, clock = Introspection(issuer, issuer.introspection), Clock()
    opaque = OpaqueTokens(issuer, issuer.introspection, LIMITS, ask=endpoint.ask, monotonic=clock)
    others = {Form.OPAQUE: opaque}
    return Asking(TokenAuthenticator([issuer], LIMITS, revocations=revocations, others=others), clock), endpoint
