"""Makes, rotates and revokes API keys on behalf of callers who may: admitted, recorded, then written.

Laws: nobody makes a key that reaches further than the key that he calls by, or outlives it; and a key that reaches
further than questions lets nobody act as somebody who holds more of the built-in module than its maker, or for longer:
an admin cannot become auditor by it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from policy_lang.forms import check_id
from policy_lang.notation import BadValue, format_timestamp
from policy_lang.types import Json
from policy_lang.values import Ref
from service.authn.api_keys.api_key import SERVICE_TYPE, ApiKey, KeyParts, new_parts, new_secret, write_key
from service.authn.api_keys.peppers import Peppers
from service.authn.api_keys.store import ApiKeyStore
from service.errors import InvalidRequest, NotFound, PermissionDenied, Violation
from service.model import Caller, Scopes
from service.permits import Act, Action
from service.ports import Clock, Gate
from service.rate import Rate

QUESTIONS: Final = "AuthorizationService"
DEFAULT_RPCS: Final = frozenset({f"{QUESTIONS}.*"})
"""What a key is for that names no RPCs."""
LONGEST_OVERLAP_MS: Final = 30 * 24 * 60 * 60 * 1000
_TYPE: Final = "api_key"
"""The type of what a record says was made, changed or read."""
_ALL: Final = Ref(_TYPE, "*")
_MOST_SCOPES: Final = 100
_HIGHEST_RATE: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class WantedKey:
    """A key as it is asked for: without a principal it names one of its own, without an owner its maker's."""

    name: str
    scopes: Scopes
    principal: Ref | None = None
    owner: Ref | None = None
    rate: Rate | None = None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A key with its text, which is nowhere else and never to be had again; good from that revision on."""

    key: ApiKey
    text: str
    revision: str

    def __repr__(self) -> str:
        return f"Issued({self.key.id})"


class ApiKeys:
    """The acts of CredentialService about keys. Its methods do I/O; any thread may run them.

    All raise PermissionDenied, FactsUnavailable and AuditUnavailable; those that name a key, NotFound.
    """

    def __init__(
        self, store: ApiKeyStore, *, peppers: Peppers, gate: Gate, rpcs: Collection[str], clock: Clock
    ) -> None:
        """`rpcs` are those that a key can be for, as `Service.Rpc`."""
        self._store = store
        self._peppers = peppers
        self._gate = gate
        self._rpcs = frozenset(rpcs) | {f"{rpc.partition('.')[0]}.*" for rpc in rpcs}
        self._clock = clock

    def create(self, caller: Caller, wanted: WantedKey) -> Issued:
        """Makes a key; InvalidRequest for one that cannot be meant, NotConfigured where no pepper is loaded."""
        parts, now = new_parts(), self._clock()
        scopes = wanted.scopes if wanted.scopes.rpcs else replace(wanted.scopes, rpcs=DEFAULT_RPCS)
        key = ApiKey(
            id=parts.id,
            name=wanted.name,
            principal=wanted.principal or Ref(SERVICE_TYPE, parts.id),
            owner=wanted.owner or caller.principal.ref,
            scopes=scopes,
            rate=wanted.rate,
            mac=self._peppers.mac(parts.secret),
            created_at=now,
            created_by=str(caller.principal.ref),
            expires_at=wanted.expires_at,
        )
        until = None if key.expires_at is None else format_timestamp(key.expires_at)
        self._admit_lending(caller, key, {"change": "create", "name": key.name[:300], "expires_at": until})
        self._check(key, now)
        return Issued(key, write_key(parts), self._store.add(key))

    def rotate(self, caller: Caller, id_: str, overlap_ms: int) -> Issued:
        """Gives a key a new secret; the present one stays good for so long, and the one before it ends now."""
        key = self._store.find(id_)
        if key is None:
            self._gate.admit(caller).require([_act(Action.KEY_MANAGE, id_, "rotate")])
            raise NotFound(f"there is no API key `{id_[:64]}`")
        is_overlap = 0 <= overlap_ms <= LONGEST_OVERLAP_MS
        self._admit_lending(caller, key, {"change": "rotate", "overlap_ms": overlap_ms if is_overlap else None})
        if not is_overlap:
            raise InvalidRequest([Violation("overlap", "up to 30 days")])
        secret, now = new_secret(), self._clock()
        rotated, revision = self._store.rotate(id_, self._peppers.mac(secret), now=now, former_until=now + overlap_ms)
        return Issued(rotated, write_key(KeyParts(id_, secret)), revision)

    def revoke(self, caller: Caller, id_: str) -> str:
        """Refuses a key from now on; the revision from which it is refused on every worker."""
        self._gate.admit(caller).require([_act(Action.REVOKE, id_, "revoke")])
        return self._store.revoke(id_, by=caller.principal.ref, now=self._clock())

    def get(self, caller: Caller, id_: str) -> ApiKey:
        """What is known of a key, without its secret, which nobody knows."""
        self._gate.admit(caller).require([_act(Action.KEY_MANAGE, id_, "get")])
        key = self._store.find(id_)
        if key is None:
            raise NotFound(f"there is no API key `{id_[:64]}`")
        return key

    def page(self, caller: Caller, after: str | None, size: int) -> Sequence[ApiKey]:
        """At most so many keys in the order of their ids, after that one."""
        self._gate.admit(caller).require([Act(Action.KEY_MANAGE, _ALL, details={"read": "list"})])
        return self._store.page(after, size)

    def _admit_lending(self, caller: Caller, key: ApiKey, change: Mapping[str, Json]) -> None:
        """Lets in who may have the secret of such a key."""
        lends = any(not rpc.startswith(f"{QUESTIONS}.") for rpc in key.scopes.rpcs)
        visitor = self._gate.admit(caller, key.principal if lends else None)
        details: dict[str, Json] = {
            **change,
            "principal": str(key.principal)[:300],
            "owner": str(key.owner)[:300],
            "rpcs": [rpc[:64] for rpc in sorted(key.scopes.rpcs)[:_MOST_SCOPES]],
        }
        visitor.require([Act(Action.KEY_MANAGE, Ref(_TYPE, key.id), details=details, lent=lends, until=key.expires_at)])
        if caller.bounds is not None and not _within(key.scopes, caller.bounds.scopes):
            raise PermissionDenied("key_scope", "the key would reach further than the credential that asks for it")
        if caller.bounds is not None and _outlives(key.expires_at, caller.bounds.ends_at):
            raise PermissionDenied("key_scope", "the key would outlive the credential that asks for it")

    def _check(self, key: ApiKey, now: int) -> None:
        faults = [
            *_faults_of_name(key.name),
            *_faults_of_ref("principal", key.principal),
            *_faults_of_ref("owner", key.owner),
            *self._faults_of_scopes(key.scopes),
            *_faults_of_rate(key.rate),
        ]
        if key.expires_at is not None and key.expires_at <= now:
            faults.append(Violation("expires_at", "a moment to come"))
        if faults:
            raise InvalidRequest(faults)

    def _faults_of_scopes(self, scopes: Scopes) -> list[Violation]:
        faults = [
            Violation("scopes.rpcs", f"`{rpc[:64]}` is no RPC of this service") for rpc in scopes.rpcs - self._rpcs
        ]
        for field, named in (("rpcs", scopes.rpcs), ("actions", scopes.actions), ("types", scopes.types)):
            if len(named) > _MOST_SCOPES:
                faults.append(Violation(f"scopes.{field}", f"at most {_MOST_SCOPES}"))
            faults += [fault for text in named for fault in _faults_of_text(f"scopes.{field}", text)]
        if (scopes.actions or scopes.types) and any(not rpc.startswith(f"{QUESTIONS}.") for rpc in scopes.rpcs):
            faults.append(Violation("scopes.rpcs", f"actions and types bound questions: with them {QUESTIONS} alone"))
        return faults


def _act(action: Action, id_: str, change: str) -> Act:
    return Act(action, Ref(_TYPE, id_[:64]), details={"change": change})


def _within(wanted: Scopes, own: Scopes) -> bool:
    """Whether everything that is wanted is covered. A wildcard is covered by itself alone."""
    return (
        all(own.reach(rpc) for rpc in wanted.rpcs)
        and _narrows(wanted.actions, own.actions)
        and _narrows(wanted.types, own.types)
    )


def _narrows(wanted: frozenset[str], own: frozenset[str]) -> bool:
    return not own or (bool(wanted) and wanted <= own)


def _outlives(one: int | None, other: int | None) -> bool:
    """Whether one end is later than another; None is never."""
    return other is not None and (one is None or one > other)


def _faults_of_name(name: str) -> list[Violation]:
    is_fit = 0 < len(name) <= 128 and name.isprintable()
    return [] if is_fit else [Violation("name", "1 to 128 characters, no control characters")]


def _faults_of_ref(field: str, ref: Ref) -> list[Violation]:
    return [*_faults_of_text(f"{field}.type", ref.type), *_faults_of_text(f"{field}.id", ref.id)]


def _faults_of_text(field: str, text: str) -> list[Violation]:
    try:
        check_id(text)
    except BadValue as error:
        return [Violation(field, str(error))]
    return []


def _faults_of_rate(rate: Rate | None) -> list[Violation]:
    if rate is None or (1 <= rate.per_minute <= _HIGHEST_RATE and 1 <= rate.burst <= _HIGHEST_RATE):
        return []
    return [Violation("rate", f"per_minute and burst, each 1 to {_HIGHEST_RATE}")]
