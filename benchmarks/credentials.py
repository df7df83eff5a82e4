"""What verifying costs a check, by the kind of its credential, remembered and not, beside checks that verify nothing.

    python -m benchmarks.credentials [--quick]

Beside each stands the ratio of a check with it to the same check without, over facts in SQLite and in the same process.
A key or session read anew is read from SQLite; what an opaque token's issuer takes to answer is not in the figure.
"""

import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key

from benchmarks.world import POLICY
from policy_lang.decision import Effect
from policy_lang.types import Json
from policy_lang.values import Ref
from service.authn.api_keys.api_key import ApiKey, new_parts, write_key
from service.authn.api_keys.peppers import Peppers
from service.authn.api_keys.store import ApiKeyStore
from service.authn.api_keys.verifier import ApiKeyVerifier
from service.authn.authenticator import NothingRevoked, TokenAuthenticator
from service.authn.form import Form
from service.authn.keys import SYMMETRIC, VerificationKey, algorithms_of, key_set, secret_key, thumbprint_of
from service.authn.opaque import OpaqueTokens
from service.authn.sessions.session import Purpose, Session, digest_of, id_of, new_token
from service.authn.sessions.store import SessionStore
from service.authn.sessions.verifier import SessionVerifier
from service.config import Limits
from service.db.engine import Database
from service.db.feed_reading import Polled
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from service.errors import Unauthenticated
from service.feed.feed import Feed
from service.governance.governance import Governance
from service.governance.grants import Grants
from service.issuer_settings import IntrospectionSettings, IssuerSettings
from service.model import ActivePolicies, Answer, Caller, CheckRequest, DecisionRecord, GivenEntity, Principal, Scopes
from service.pdp import DecisionPoint
from service.policies.folder import activate
from service.ports import Authenticator, Recorder

NOW: Final = 1_767_600_000_000
USER: Final = Ref("User", "alice")
ISSUER: Final = "https://bench.example"
ASKED: Final = CheckRequest("", "read", GivenEntity(Ref("Document", "d1")), {"ip": "10.1.2.3"})
GRANTED: Final = "no verification"
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
PRIVATE: Final[Mapping[str, Callable[[], PrivateKey]]] = {
    "RS256": lambda: generate_rsa_key(public_exponent=65537, key_size=2048),
    "ES256": lambda: generate_private_key(SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate,
}
Kinds = Mapping[str, tuple[Authenticator, str, Callable[[], None]]]
"""By what is measured: who verifies, the credential, and what is done before each check."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    times: int
    rounds: int


FULL: Final = Scale(times=1_000, rounds=7)
QUICK: Final = Scale(times=20, rounds=1)


class Granted:
    """Takes every caller for alice (`ports.Authenticator`)."""

    def caller(self, token: str, now: int) -> Caller:  # noqa: ARG002
        """Alice."""
        return Caller(Principal(USER), ISSUER)

    def principal(self, token: str, now: int) -> Principal:  # noqa: ARG002
        """Nobody."""
        raise Unauthenticated("nobody is asked about")


class Unrecorded:
    """Keeps no record (`ports.Recorder`)."""

    def record(self, records: Sequence[DecisionRecord]) -> None:
        """Returns."""


@dataclass(frozen=True, slots=True)
class OnePolicy:
    """Holds the policies (`ports.Policies`)."""

    policies: ActivePolicies

    def active(self) -> ActivePolicies:
        """The policies."""
        return self.policies


def main(arguments: Sequence[str]) -> None:
    """Measures and prints."""
    scale = QUICK if "--quick" in arguments else FULL
    with tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name:
        point = point_in(Path(name))
        calls: dict[str, Callable[[], None]] = {GRANTED: lambda: checked(point)}
        for kind, (authenticator, token, before) in asyncio.run(kinds_of_credential(facts_in(Path(name)))).items():
            calls[kind] = partial(verified, authenticator, token, before)
        taken: dict[str, list[float]] = {kind: [] for kind in calls}
        for _ in range(scale.rounds):
            for kind, call in calls.items():
                taken[kind].append(seconds_of(call, scale.times))
    report({kind: median(each) for kind, each in taken.items()}, scale)


def seconds_of(call: Callable[[], None], times: int) -> float:
    """Of the processor for one call, on average: what else this machine does is not counted."""
    started = time.thread_time()
    for _ in range(times):
        call()
    return (time.thread_time() - started) / times


def checked(point: DecisionPoint) -> None:
    """Makes a check whose caller is taken for granted, and looks at its answer."""
    (answer,) = point.check("", ASKED).items
    if not isinstance(answer, Answer) or answer.decision.effect is not Effect.ALLOW:
        raise SystemExit(f"a wrong answer: {answer}")


def verified(authenticator: Authenticator, token: str, before: Callable[[], None]) -> None:
    """Verifies the credential, and looks at whom it names."""
    before()
    if authenticator.caller(token, NOW).principal.ref != USER:
        raise SystemExit("it names somebody else")


def report(taken: Mapping[str, float], scale: Scale) -> None:
    """Prints a line for each kind."""
    check = taken[GRANTED]
    print(f"credentials: processor time in one process, {scale.times:,} at a time, median of {scale.rounds} rounds")
    print(f"  a check whose caller is taken for granted: {check * 1e6:.1f} us")
    width = max(map(len, taken))
    for kind, seconds in taken.items():
        if kind != GRANTED:
            print(f"  {kind:{width}}  {seconds * 1e6:8.1f} us   with the check x{(check + seconds) / check:.3f}")


def facts_in(folder: Path) -> Database:
    """The database of facts."""
    return open_database(f"sqlite:///{folder / 'facts.db'}")


def point_in(folder: Path, recorder: Recorder | None = None) -> DecisionPoint:
    """A decision point over a few facts, which takes every caller for alice, and without a recorder keeps no record."""
    policies = activate({"docs.policy": POLICY})
    database = facts_in(folder)
    ensure_current(database, "facts")
    writer = EntityWriter(database, policies.bundle.program.schema)
    writer.put(Ref("Tenant", "t1"), {})
    writer.put(USER, {"tenant": "t1", "clearance": 5, "suspended": False})
    document: dict[str, Json] = {"tenant": "t1", "owner": "alice", "level": 1, "region": "eu", "locked": False}
    writer.put(Ref("Document", "d1"), document)
    Grants(database).give(USER, "check", None)
    Grants(database).give(USER, "assert_attributes", None)

    return DecisionPoint(
        authenticator=Granted(),
        governance=Governance(()),
        policies=OnePolicy(policies),
        facts=EntityStore(database),
        recorder=recorder or Unrecorded(),
        clock=lambda: NOW,
    )


async def kinds_of_credential(database: Database) -> Kinds:
    """Every kind, good for as long as it is measured."""
    kinds: dict[str, tuple[Authenticator, str, Callable[[], None]]] = {}
    for algorithm in ("HS512", "RS256", "ES256", "EdDSA"):
        authenticator, token = signed(algorithm)
        kinds[f"JWT {algorithm}, remembered"] = authenticator, token, nothing
        kinds[f"JWT {algorithm}, verified anew"] = authenticator, token, authenticator.forget
    authenticator, token = await opaque()
    kinds["opaque token, remembered"] = authenticator, token, nothing
    authenticator, token, read = await api_key(ApiKeyStore(database))
    kinds["API key, in memory"] = authenticator, token, nothing
    kinds["API key, read anew"] = authenticator, token, read
    authenticator, token, read = await session(SessionStore(database))
    kinds["session, in memory"] = authenticator, token, nothing
    kinds["session, read anew"] = authenticator, token, read
    return kinds


def signed(algorithm: str) -> tuple[TokenAuthenticator, str]:
    """A JWT, and who verifies it."""
    secret = secrets.token_bytes(64)
    private = PRIVATE[algorithm]() if algorithm in PRIVATE else None
    if private is None:
        key = secret_key(secret, "k1", SYMMETRIC, b"")
    else:
        public = private.public_key()
        key = VerificationKey("k1", thumbprint_of(public), algorithms_of(public), public)
    seconds = NOW // 1000
    said = {"iss": ISSUER, "sub": "alice", "aud": "magistrate", "iat": seconds, "exp": seconds + 3600}
    token = jwt.encode(said, private or secret, algorithm=algorithm, headers={"kid": "k1"})
    issuer = issuer_with(jwks_file="unused") if private else issuer_with(secret_file="unused", algorithms=["HS512"])
    keys = key_set([key])
    return TokenAuthenticator([issuer], Limits(), revocations=NothingRevoked(), load=lambda _: keys), token


async def opaque() -> tuple[TokenAuthenticator, str]:
    """An opaque token that its issuer was asked about, and who verifies it."""
    asked = IntrospectionSettings(url="https://bench.example", client_id="c", client_secret_file=Path("unused"))
    issuer = issuer_with(introspection=asked, algorithms=[])
    end = NOW // 1000 + 3600

    async def ask(_: str) -> dict[str, Json]:
        return {"active": True, "sub": "alice", "aud": "magistrate", "exp": end}

    verifier = OpaqueTokens(issuer, asked.model_copy(update={"cache_seconds": 3600}), Limits(), ask=ask)
    authenticator = TokenAuthenticator([issuer], Limits(), revocations=NothingRevoked(), others={Form.OPAQUE: verifier})
    return authenticator, await learnt(authenticator, secrets.token_urlsafe(24))


async def api_key(store: ApiKeyStore) -> tuple[TokenAuthenticator, str, Callable[[], None]]:
    """An API key in memory, who verifies it, and how its row is read."""
    parts, peppers = new_parts(), Peppers({"p": secrets.token_bytes(32)})
    everything = Scopes(frozenset({"AuthorizationService.*"}))
    key = ApiKey(parts.id, "bench", USER, USER, everything, None, peppers.mac(parts.secret), NOW, str(USER))
    store.add(key)
    verifier = ApiKeyVerifier(begun(), store.find, peppers=peppers, used=lambda _, __: None)
    authenticator = TokenAuthenticator(
        [issuer_with(jwks_file="unused")],
        Limits(),
        revocations=NothingRevoked(),
        others={Form.API_KEY: verifier},
        load=lambda _: key_set([]),
    )
    return authenticator, await learnt(authenticator, write_key(parts)), lambda: found(store.find(parts.id))


async def session(store: SessionStore) -> tuple[TokenAuthenticator, str, Callable[[], None]]:
    """A session in memory, who verifies it, and how its row is read."""
    token = new_token()
    digest = digest_of(token)
    assert digest is not None, "just made"
    opened = Session(id_of(digest), digest, USER, Purpose.CALL, 3_600_000, NOW, str(USER), NOW, NOW + 3_600_000)
    store.add(opened)
    verifier = SessionVerifier(begun(), store.find, used=lambda _, __: None, clock=lambda: NOW)
    authenticator = TokenAuthenticator(
        [issuer_with(jwks_file="unused")],
        Limits(),
        revocations=NothingRevoked(),
        others={Form.SESSION: verifier},
        load=lambda _: key_set([]),
    )
    return authenticator, await learnt(authenticator, token), lambda: found(store.find(opened.id))


async def learnt(authenticator: TokenAuthenticator, token: str) -> str:
    """The credential, once what it takes to verify it was fetched."""
    try:
        authenticator.caller(token, NOW)
    except Unauthenticated as error:
        if error.fetch is None:
            raise
        await error.fetch()
    return token


def found(row: object) -> None:
    """Looks that there was a row."""
    if row is None:
        raise SystemExit("a row is gone")


def begun() -> Feed:
    """A change feed that tells nothing."""
    feed = Feed(86_400)
    feed.apply(Polled("e", 0, ()), time.monotonic())
    return feed


def issuer_with(**given: object) -> IssuerSettings:
    """The issuer, whose keys stand nowhere."""
    good = {"issuer": ISSUER, "audience": ["magistrate"], "principal_type": "User"}
    return IssuerSettings.model_validate({**good, "algorithms": ["RS256", "ES256", "EdDSA"], **given})


def nothing() -> None:
    """Is done."""


if __name__ == "__main__":
    main(sys.argv[1:])
