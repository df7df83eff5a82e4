"""Says whom a credential names: the caller who asks, or the principal who is asked about (identity.md).

Each form of credential has a verifier of its own. Whatever that remembers: on every use the time, what the credential
is meant for and whether it is revoked are checked anew.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from service.authn.cache import Counts
from service.authn.form import Form, form_of
from service.authn.issued import IssuedTokens, KeyLoader
from service.authn.issuers import check_issuers
from service.authn.key_files import load_keys
from service.authn.key_holder import KeyHolder
from service.authn.verified import Counted, Verified, Verifier
from service.config import Limits
from service.errors import Flaw, Unauthenticated
from service.issuer_settings import IssuerSettings
from service.model import Caller, Credential, Principal
from service.ports import Revocations

NO_OTHERS: Final[Mapping[Form, Verifier]] = MappingProxyType({})


class TokenAuthenticator:
    """Authenticates by the tokens of the trusted issuers, and by other credentials. It belongs to one thread."""

    def __init__(
        self,
        issuers: Sequence[IssuerSettings],
        limits: Limits,
        *,
        revocations: Revocations,
        others: Mapping[Form, Verifier] = NO_OTHERS,
        fetched: KeyHolder | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        load: KeyLoader = load_keys,
    ) -> None:
        """Reads every issuer's keys; ConfigError if one cannot be, or if two issuers could name one principal.

        `others` verifies what is no JWT; a form that it lacks is refused as no JWT. `fetched` holds the keys that
        stand in no file.
        """
        check_issuers(issuers)
        self._limits = limits
        self._revocations = revocations
        self._issued = IssuedTokens(
            issuers,
            limits,
            load=load,
            fetched=fetched or KeyHolder((), ignore),
            monotonic=monotonic,
        )
        self._verifiers: Mapping[Form, Verifier] = {**others, Form.JWT: self._issued}

    @property
    def cache_counts(self) -> Mapping[str, Counts]:
        """How the memories of verified tokens are used, by the kind of token."""
        return {form.value: each.cache_counts for form, each in self._verifiers.items() if isinstance(each, Counted)}

    def trust(self, issuers: Sequence[IssuerSettings]) -> None:
        """Trusts these issuers instead; errors as at the start, and then those stay trusted that were."""
        check_issuers(issuers)
        self._issued.trust(issuers)

    def reload_keys(self) -> None:
        """Reads the issuers' keys again and puts them in force at once; ConfigError leaves those that were."""
        self._issued.reload_keys()

    def forget(self) -> None:
        """Forgets what was verified, as after a step of the wall clock (runtime.md)."""
        for verifier in self._verifiers.values():
            verifier.forget()

    def caller(self, token: str, now: int) -> Caller:
        """The caller whose credential this is, Unauthenticated unless it may call.

        FactsUnavailable, here and for a principal, where it cannot be told whether the credential is revoked.
        """
        verified = self._use(token, now)
        if verified.caller is None:
            raise Unauthenticated(f"the credential is no caller's: {verified.why_no_caller}", Flaw.MISUSED)
        return verified.caller

    def principal(self, token: str, now: int) -> Principal:
        """Whom the `principal_token` names; Unauthenticated unless it is meant for being asked about."""
        principal = self._use(token, now).principal
        if principal is None:
            raise Unauthenticated("the token is a caller's: its audience may not be asked about", Flaw.MISUSED)
        return principal

    def _use(self, token: str, now: int) -> Verified:
        if len(token) > self._limits.token_bytes:
            raise Unauthenticated(f"the token is longer than {self._limits.token_bytes} bytes")
        verified = self._verifiers.get(form_of(token), self._issued).verify(token, now)
        verified.window.check(now)
        # Last: that revocations are unavailable is not told to whom no credential names.
        self._revocations.check(verified.credential, now)
        return verified


def ignore(_: str) -> None:
    """Has no keys fetched."""


class NothingRevoked:
    """Revokes nothing: for looking at a token where there is no service (`ports.Revocations`)."""

    def check(self, used: Credential, now: int) -> None:
        """Lets every credential through."""
