"""Builds what a worker needs for the service's own credentials: who verifies keys and sessions, and who makes them."""

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from policy_lang.values import Ref
from service.authn.api_keys.issuing import ApiKeys
from service.authn.api_keys.peppers import Peppers, load_peppers
from service.authn.api_keys.store import ApiKeyStore, revoke_keys_of
from service.authn.api_keys.verifier import ApiKeyVerifier
from service.authn.form import Form
from service.authn.noted import Noted
from service.authn.sessions.opening import Sessions
from service.authn.sessions.store import SessionStore, end_sessions_of
from service.authn.sessions.verifier import SessionVerifier
from service.authn.verified import Verifier
from service.config import Settings
from service.db.engine import Database
from service.db.feed import Change
from service.doors.grpc.server import RPCS
from service.feed.feed import Feed
from service.ports import Clock, Gate
from service.samples import Samples

LAST_USED_SECONDS: Final = 60.0
"""How often the last use of keys is written down."""
RENEWAL_SECONDS: Final = 1.0
"""How often renewals of sessions are."""
LOOKUPS: Final = "magistrate_credential_cache"


@dataclass(frozen=True, slots=True)
class OwnCredentials:
    """Keys and sessions in one worker."""

    peppers: Peppers
    key_store: ApiKeyStore
    session_store: SessionStore
    keys: ApiKeyVerifier
    sessions: SessionVerifier
    uses: Noted
    renewals: Noted

    @classmethod
    def build(cls, settings: Settings, database: Database, feed: Feed, clock: Clock) -> "OwnCredentials":
        """Reads the peppers, which may raise ConfigError, and follows the feed."""
        peppers = load_peppers(settings.peppers, dev_folder=settings.data / "dev" if settings.dev else None)
        key_store, session_store = ApiKeyStore(database), SessionStore(database)
        skew = settings.limits.clock_skew_seconds
        uses = Noted(key_store.touch, what="last uses of keys", every=LAST_USED_SECONDS)
        renewals = Noted(session_store.renew, what="renewals of sessions", every=RENEWAL_SECONDS)
        return cls(
            peppers=peppers,
            key_store=key_store,
            session_store=session_store,
            keys=ApiKeyVerifier(feed, key_store.find, peppers=peppers, used=uses.note, skew_seconds=skew),
            sessions=SessionVerifier(feed, session_store.find, used=renewals.note, clock=clock, skew_seconds=skew),
            uses=uses,
            renewals=renewals,
        )

    @property
    def verifiers(self) -> Mapping[Form, Verifier]:
        """Who verifies what is no token of an issuer."""
        return MappingProxyType({Form.API_KEY: self.keys, Form.SESSION: self.sessions})

    def acts(self, gate: Gate, clock: Clock) -> tuple[ApiKeys, Sessions]:
        """Who makes keys and sessions, and ends them."""
        keys = ApiKeys(self.key_store, peppers=self.peppers, gate=gate, rpcs=RPCS, clock=clock)
        return keys, Sessions(self.session_store, gate=gate, clock=clock)

    def name(self, type_: str) -> bool:
        """Whether a key or a session names, or belongs to, anybody of that type."""
        return self.key_store.names(type_) or self.session_store.names(type_)

    def work(self) -> tuple[Coroutine[None, None, None], ...]:
        """What is to be done beside answering."""
        return self.uses.run(), self.renewals.run()

    def count(self, samples: Samples) -> None:
        """Says how often credentials were in memory."""
        keys, sessions = self.keys.rows, self.sessions.rows
        for kind, hits, misses in (("api_key", keys.hits, keys.misses), ("session", sessions.hits, sessions.misses)):
            samples.counters[LOOKUPS, (("kind", kind), ("result", "hit"))] = hits
            samples.counters[LOOKUPS, (("kind", kind), ("result", "miss"))] = misses


def revoke_own(connection: Connection, principal: Ref, *, by: Ref, now: int) -> list[Change]:
    """Takes out of force what the service has issued to a principal, within the write that revokes it."""
    return [
        *revoke_keys_of(connection, principal, by=str(by), now=now),
        *end_sessions_of(connection, principal, by=str(by), now=now),
    ]
