"""Builds what a worker knows of credentials: who verifies each form, what is revoked, who gives and takes them."""

from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from service.app.introspecting import introspecting
from service.app.own_credentials import OwnCredentials, revoke_own
from service.app.trusting import trusted_issuers
from service.authn.authenticator import TokenAuthenticator
from service.authn.clock_watch import watch_clock
from service.authn.key_files import key_files
from service.authn.key_holder import KeyHolder
from service.authn.key_watch import Watched, follow_keys
from service.config import Settings
from service.db.engine import Database
from service.doors.grpc.credential import CredentialActs
from service.doors.grpc.mutual_tls import MutualTls
from service.doors.grpc.server import Secured
from service.feed.feed import Feed
from service.governance.gate import Gate
from service.governance.governance import Governance
from service.issuer_settings import IssuerSettings
from service.model import ActivePolicies
from service.policies.holder import PolicyHolder
from service.ports import Clock
from service.reception.reception import Certified, not_accepted
from service.revocations.known import KnownRevocations
from service.revocations.revoking import Revoking, Trusted
from service.revocations.store import RevocationStore
from service.samples import Samples

FIRST_KEYS_SECONDS: Final = 6.0
"""How long a start waits for keys to be fetched; after that the worker answers, and refuses tokens that lack theirs."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who verifies credentials in one worker, and what is known to be revoked."""

    settings: Settings
    issuers: list[IssuerSettings]
    authenticator: TokenAuthenticator
    revoked: RevocationStore
    revocations: KnownRevocations
    own: OwnCredentials
    keys: KeyHolder
    files: Watched
    tls: MutualTls | None

    @property
    def certified(self) -> Certified:
        """Who verifies the certificate that a connection was made with."""
        return self.tls.verifier.caller if self.tls is not None else not_accepted

    @property
    def secured(self) -> Secured | None:
        """Where the door for client certificates listens, and with what; None where there is none."""
        return Secured(self.settings.grpc_mtls, self.tls.credentials()) if self.tls is not None else None

    def revoking(self, gate: Gate, clock: Clock) -> Revoking:
        """Who takes credentials out of force."""
        return Revoking(self.revoked, gate=gate, trusted=self._trusted(self.issuers), names=self.own.name, clock=clock)

    def acts(self, revoking: Revoking, gate: Gate, clock: Clock) -> CredentialActs:
        """What the service does with credentials."""
        return CredentialActs(revoking, *self.own.acts(gate, clock))

    def follow(self, holder: PolicyHolder, governance: Governance, revoking: Revoking) -> None:
        """In dev mode tokens name principals of the types that policies declare: trusts those of each new bundle."""
        if not self.settings.dev:
            return

        def trust(active: ActivePolicies) -> None:
            known = trusted_issuers(self.settings, active)
            self.authenticator.trust(known)
            governance.trust_dev([issuer.issuer for issuer in known])
            revoking.trust(self._trusted(known))

        holder.follow(trust)

    async def first_keys(self) -> None:
        """Waits a while for keys that stand in no file."""
        await self.keys.first(FIRST_KEYS_SECONDS)

    def work(self, samples: Samples, clock: Clock) -> tuple[Coroutine[None, None, None], ...]:
        """What is to be done beside answering: keys and certificates followed, uses noted, the clock watched."""
        every, reload = self.settings.watch_seconds, self.authenticator.reload_keys
        return (
            follow_keys(self.files, reload, every=every, samples=samples, refused=("magistrate_key_files_refused", ())),
            *(() if self.tls is None else (self.tls.follow(every=every, samples=samples),)),
            *self.own.work(),
            watch_clock(clock, self.authenticator.forget),
        )

    def _trusted(self, issuers: list[IssuerSettings]) -> Trusted:
        return Trusted.of(issuers, self.settings.limits.clock_skew_seconds, self.settings.mutual_tls)


@asynccontextmanager
async def credentials(
    settings: Settings, issuers: list[IssuerSettings], *, database: Database, feed: Feed, keys: KeyHolder, clock: Clock
) -> AsyncIterator[Credentials]:
    """The credentials while the block runs; ConfigError where a key or a file cannot be used."""
    revoked = RevocationStore(database, also=revoke_own)
    revocations = KnownRevocations(feed, revoked.all, settings.max_staleness)
    own = OwnCredentials.build(settings, database, feed, clock)
    certificates = settings.mutual_tls
    tls = MutualTls(certificates, revocations) if certificates is not None else None
    async with introspecting(issuers, settings.limits) as opaque:
        others = {**own.verifiers, **opaque}
        files = Watched.of(key_files(issuers))
        authenticator = TokenAuthenticator(
            issuers, settings.limits, revocations=revocations, others=others, fetched=keys
        )
        yield Credentials(settings, issuers, authenticator, revoked, revocations, own, keys, files, tls)
