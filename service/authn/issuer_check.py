"""Tries what a service would do with an issuer, step by step, and says in words what works and why something does not.

Nothing that it prints is secret: keys by their ids, the claims of a token not at all.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from service.authn.authenticator import NothingRevoked, TokenAuthenticator, ignore
from service.authn.fetching import FetchFailed, Web
from service.authn.form import Form, form_of
from service.authn.introspection import Introspection
from service.authn.jwt import read_unverified
from service.authn.key_files import load_keys
from service.authn.key_holder import KeyHolder
from service.authn.keys import KeySet
from service.authn.opaque import OpaqueTokens
from service.authn.remote_keys import KeySource, RemoteKeys, discover
from service.config import Limits
from service.errors import ConfigError, Unauthenticated
from service.issuer_settings import IssuerSettings
from service.model import Principal


class Outcome(Enum):
    """How a step went."""

    WORKS = "ok"
    FAILS = "no"
    NOTED = "--"


@dataclass(frozen=True, slots=True)
class Step:
    """A step that was tried, and what came of it."""

    name: str
    outcome: Outcome
    said: str


class IssuerCheck:
    """The steps for one issuer, in their order; one that fails ends those that need it."""

    def __init__(self, issuer: IssuerSettings, limits: Limits, now: Callable[[], int]) -> None:
        """`now` tells milliseconds since 1970 UTC."""
        self._issuer = issuer
        self._limits = limits
        self._now = now
        self._holder = KeyHolder([issuer], ignore)

    async def run(self, token: str | None) -> list[Step]:
        """What came of every step; with a token, also of whom it names."""
        steps: list[Step] = []
        if self._issuer.discovery:
            steps.append(await self._discovery())
        if self._issuer.has_keys and not _has_failed(steps):
            steps += await self._keys()
        if token is not None and not _has_failed(steps):
            steps += await self._token(token)
        return steps

    async def _discovery(self) -> Step:
        try:
            async with Web(self._issuer) as web:
                url, _ = await discover(self._issuer, web)
        except (FetchFailed, ConfigError) as error:
            return Step("discovery", Outcome.FAILS, str(error))
        return Step("discovery", Outcome.WORKS, f"the keys are at {url}")

    async def _keys(self) -> list[Step]:
        if not self._issuer.has_remote_keys:
            try:
                return _steps_of(load_keys(self._issuer))
            except ConfigError as error:
                return [Step("keys", Outcome.FAILS, str(error))]
        try:
            async with Web(self._issuer) as web:
                found = await KeySource(self._issuer).fetch(web)
        except (FetchFailed, ConfigError) as error:
            return [Step("keys", Outcome.FAILS, str(error))]
        self._holder.take(self._issuer.issuer, found.content, asyncio.get_running_loop().time())
        return [*_steps_of(found.jwks.keys), *_left_out(found)]

    async def _token(self, token: str) -> list[Step]:
        form = form_of(token)
        if form is Form.JWT:
            return list(self._judged(token, TokenAuthenticator(
                [self._issuer], self._limits, revocations=NothingRevoked(), fetched=self._holder
            )))  # fmt: skip
        if form is not Form.OPAQUE:
            return [Step("token", Outcome.FAILS, f"it is no token of an issuer but has the form of: {form.value}")]
        return await self._opaque(token)

    async def _opaque(self, token: str) -> list[Step]:
        asked = self._issuer.introspection
        if asked is None:
            return [Step("token", Outcome.FAILS, "it is opaque, and the issuer's settings have no introspection")]
        try:
            endpoint = Introspection(self._issuer, asked)
        except ConfigError as error:
            return [Step("introspection", Outcome.FAILS, str(error))]
        try:
            opaque = OpaqueTokens(self._issuer, asked, self._limits, ask=endpoint.ask)
            authenticator = TokenAuthenticator(
                [self._issuer], self._limits, revocations=NothingRevoked(), others={Form.OPAQUE: opaque}
            )
            try:
                authenticator.caller(token, self._now())
            except Unauthenticated as error:
                if error.fetch is not None:
                    await error.fetch()
            return list(self._judged(token, authenticator))
        finally:
            await endpoint.close()

    def _judged(self, token: str, authenticator: TokenAuthenticator) -> Iterator[Step]:
        if form_of(token) is Form.JWT:
            yield from self._as_it_says(token)
        caller, not_caller = _tried(lambda: authenticator.caller(token, self._now()).principal)
        principal, not_principal = _tried(lambda: authenticator.principal(token, self._now()))
        if caller is None and principal is None:
            yield Step("token", Outcome.FAILS, not_caller or "")
            return
        yield Step("may call", Outcome.WORKS if caller else Outcome.NOTED, caller or not_caller or "")
        yield Step("may be asked for", Outcome.WORKS if principal else Outcome.NOTED, principal or not_principal or "")

    def _as_it_says(self, token: str) -> Iterator[Step]:
        try:
            unverified = read_unverified(token, self._limits.token_bytes)
        except Unauthenticated:
            return  # the judgement says why
        header = unverified.header
        yield Step(
            "token",
            Outcome.NOTED,
            f"says alg {_shown(header.get('alg'))}, kid {_shown(header.get('kid'))}, typ {_shown(header.get('typ'))}, "
            f"iss {_shown(unverified.claims.get('iss'))}, aud {_shown(unverified.claims.get('aud'))}",
        )


def is_good(steps: list[Step]) -> bool:
    """Whether every step works."""
    return not _has_failed(steps)


def _has_failed(steps: list[Step]) -> bool:
    return any(step.outcome is Outcome.FAILS for step in steps)


def _steps_of(keys: KeySet) -> list[Step]:
    return [
        Step("key", Outcome.WORKS, f"{_shown(key.key_id or None)} verifies {', '.join(sorted(key.algorithms))}")
        for key in keys.keys.values()
    ]


def _left_out(found: RemoteKeys) -> Iterator[Step]:
    yield from (Step("key", Outcome.NOTED, why) for why in (*found.jwks.faults, *found.jwks.passed_over))
    yield Step("keys", Outcome.NOTED, f"are looked at again after {found.fresh_for:g} seconds")


def _shown(value: object) -> str:
    """The value as text that cannot command a terminal, no longer than a line."""
    return "none" if value is None else f"`{ascii(value)[:100]}`"


def _tried(authenticate: Callable[[], Principal]) -> tuple[str | None, str | None]:
    try:
        return str(authenticate().ref), None
    except Unauthenticated as error:
        return None, str(error)
