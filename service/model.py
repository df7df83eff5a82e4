"""The stages of a request, each a frozen type; untrusted and verified never share one."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from policy_lang.decision import Decision, Effect, MissingInput, Obligation
from policy_lang.facts import Assignment, Facts, Question
from policy_lang.stages import stage
from policy_lang.types import Json
from policy_lang.values import Ref
from service.errors import InvalidRequest, MagistrateError, PermissionDenied, Unauthenticated
from service.identity import ASSERTED, NOWHERE, UNTOLD, Evidence, Origin
from service.rate import Rate

if TYPE_CHECKING:
    # The whole of the language, which who reads the log or writes facts has no need of.
    from policy_lang.bundle import Bundle
    from policy_lang.compiler import Compiled
    from policy_lang.interpreter import Interpreter


@stage
class GivenEntity:
    """An entity as a request describes it: nothing of it is checked yet, values are in the given form."""

    ref: Ref
    attributes: Mapping[str, Json] = field(default_factory=dict)
    parents: tuple[Ref, ...] = ()


@stage
class CheckRequest:
    """One question as it came. At most one of `principal` and `principal_token` is set (the contract's oneof)."""

    request_id: str
    action: str
    resource: GivenEntity
    context: Mapping[str, Json] = field(default_factory=dict)
    principal: GivenEntity | None = None
    principal_token: str | None = field(default=None, repr=False)


class Latency(Enum):
    """How long a call may take for the sake of fresh facts."""

    MINIMAL = "minimize_latency"
    """Facts as the worker has them."""
    FULLY_CONSISTENT = "fully_consistent"
    """Facts as they were when the call came in, or newer."""


@dataclass(frozen=True, slots=True)
class AtLeastAsFresh:
    """Facts of that revision or newer; it is opaque text as a caller gave it."""

    revision: str


Consistency = Latency | AtLeastAsFresh
"""How fresh the facts of a whole call are to be."""


@dataclass(frozen=True, slots=True)
class VerifiedClaims:
    """What a verified token says; made by the verifier alone. Times are seconds since 1970 UTC."""

    issuer: str
    subject: str
    key_id: str
    thumbprint: str
    token_id: str | None
    issued_at: int | None
    not_before: int | None
    expires_at: int
    claims: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """The certificate whose key a connection's peer has shown to have, and those that it sent with it; as PEM."""

    leaf: bytes
    others: bytes = b""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a verified token can be revoked by. `issued_at` is in seconds since 1970 UTC, None where it does not say.

    `key_id` is the id of its issuer's key that signed it, None where none did.
    `owner` is who answers for it, where that may be somebody else than whom it names.
    `certificate` are the SHA-256 by which it is revoked, in hexadecimal digits, where it is a certificate.
    """

    issuer: str
    token_id: str | None
    principal: Ref
    issued_at: int | None
    key_id: str | None = None
    owner: Ref | None = None
    certificate: tuple[str, ...] = ()


@stage
class Principal:
    """Whom a question is about. `claims` are those of a verified token of this principal, None where there was none.

    `roles` are those that the claims carry, as far as the issuer's settings let them; `evidence` says how it is known.
    """

    ref: Ref
    claims: Mapping[str, Json] | None = None
    roles: tuple[Assignment, ...] = ()
    evidence: Evidence = ASSERTED


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a credential may be used for at all. RPCs read `Service.Rpc` or `Service.*`; no actions or types are all."""

    rpcs: frozenset[str]
    actions: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()

    def reach(self, rpc: str) -> bool:
        """Whether the RPC may be called."""
        return rpc in self.rpcs or f"{rpc.partition('.')[0]}.*" in self.rpcs

    def cover(self, action: str, type_: str) -> bool:
        """Whether that may be asked of a resource of that type."""
        return (not self.actions or action in self.actions) and (not self.types or type_ in self.types)


@dataclass(frozen=True, slots=True)
class Bounds:
    """A credential's own limits, which hold before anything is asked: `name` says whose rate it is.

    `ends_at` is when it ends by itself (milliseconds since 1970 UTC), None for never.
    """

    name: str
    scopes: Scopes
    rate: Rate | None = None
    ends_at: int | None = None


@stage
class Caller:
    """Who asks: authenticated by one credential. What it may is read with the facts (ports.Governance).

    `bounds` are the credential's own limits, None where it has none; `origin` is where this call of it came from.
    """

    principal: Principal
    issuer: str
    bounds: Bounds | None = None
    origin: Origin = NOWHERE

    def calling(self, origin: Origin) -> "Caller":
        """The same, in a call from there."""
        return Caller(self.principal, self.issuer, self.bounds, origin)


@dataclass(frozen=True, slots=True)
class ActivePolicies:
    """The bundle in force, in its three forms; one reference, swapped whole."""

    bundle: "Bundle"
    compiled: "Compiled"
    interpreter: "Interpreter"

    @property
    def digest(self) -> str:
        """The bundle's digest, which every answer says."""
        return self.bundle.digest


@stage
class Proposed:
    """A request, and the question that it makes or why it makes none; whether it may be asked is not known yet.

    `evidence` is by what its principal is known.
    """

    request: CheckRequest
    outcome: Question | InvalidRequest | Unauthenticated
    evidence: Evidence = UNTOLD


@stage
class Asked:
    """A question that is admitted: its caller is authenticated and may ask it, it is well-formed.

    `may_read_reasons` is what its answer shows by, `evidence` by what the principal is known.
    """

    request_id: str
    question: Question
    may_read_reasons: bool
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Refused:
    """A request of an authenticated caller that may not ask it, or whose `principal_token` does not verify."""

    request: CheckRequest
    error: PermissionDenied | Unauthenticated


@stage
class Batch:
    """The items of one call, under one bundle and one `now` (milliseconds); one that is malformed is its error.

    `started` is a monotonic reading in nanoseconds; `shows_rules` says that the answers explain, not only decide.
    """

    caller: Caller
    policies: ActivePolicies
    now: int
    started: int
    items: tuple[Proposed | MagistrateError, ...]
    shows_rules: bool = False


@stage
class Known:
    """The items as the caller's permits leave them, the facts of the admitted ones in their order, and how fresh."""

    items: tuple[Asked | Refused | MagistrateError, ...]
    facts: tuple[Facts, ...]
    revision: str


class RecordKind(Enum):
    """A decision, or the refusal of an authenticated caller."""

    DECISION = "decision"
    REFUSAL = "refusal"


class Masking(Enum):
    """In what way a value is not in the record."""

    SENSITIVE = "sensitive"
    """Left out, as the policies declare it."""
    REMOVED = "removed"
    """Left out by the settings."""
    HASHED = "hashed"
    """In its place stands a MAC of it under a key of the operator's: equal values read alike."""
    TRUNCATED = "truncated"
    """Its first characters stand there."""


class Masked(NamedTuple):
    """A path of the inputs whose value is not in the record, and how it was masked."""

    path: str
    how: Masking


class Flip(NamedTuple):
    """What candidate policies of that digest decided otherwise: effect, code, determining rules."""

    digest: str
    effect: Effect
    code: str
    rules: tuple[str, ...]

    def direction(self, effect: Effect) -> str:
        """How that differs from what was decided, with that effect: one of FLIPS."""
        if self.effect is effect:
            return ANSWER
        return NOW_ALLOWED if self.effect is Effect.ALLOW else NOW_DENIED


NOW_ALLOWED: Final = "now_allowed"
NOW_DENIED: Final = "now_denied"
ANSWER: Final = "answer"
"""Its code, what it obliges to, or whether it hides the resource."""
FLIPS: Final = (NOW_ALLOWED, NOW_DENIED, ANSWER)
"""The ways in which a candidate may decide otherwise."""


@stage
class DecisionRecord:
    """What an auditor finds. `id` is a UUIDv7, `time` milliseconds since 1970 UTC, `duration_us` microseconds.

    A refusal has effect deny and, as its code, the permission that the caller lacks in upper case, such as `CHECK_AS`,
    or `PRINCIPAL_TOKEN` where that token did not verify: then the caller stands for the principal, who is not known.
    `tzdata` is the version of the time zones that were decided by, empty where no policy was asked.
    `masked` are the inputs whose values stand in the record changed or not at all, `found_by` those by whose values the
    log is to find it. What was not `enforced` was answered with a plain allow (service/enforcement.py). `flip` is what
    candidate policies, which were tried out beside, decided otherwise (service/shadowing.py). `break_glass` is the
    emergency grant without which it had not been allowed (service/emergency.py).
    """

    id: str
    kind: RecordKind
    time: int
    request_id: str
    caller: Ref
    principal: Ref
    action: str
    resource: Ref
    tenant: Ref | None
    effect: Effect
    code: str
    rules: tuple[str, ...]
    missing: tuple[MissingInput, ...]
    obligations: tuple[Obligation, ...]
    hide: bool
    shadow_effect: Effect
    inputs: Mapping[str, Json]
    policy_digest: str
    revision: str
    duration_us: int
    tzdata: str = ""
    origin: Origin = NOWHERE
    caller_evidence: Evidence = UNTOLD
    principal_evidence: Evidence = UNTOLD
    masked: tuple[Masked, ...] = ()
    found_by: tuple[str, ...] = ()
    enforced: bool = True
    flip: Flip | None = None
    break_glass: str = ""


@stage
class Answer:
    """A decision as it is given, with only what the caller may see; recorded whole under `decision_id`.

    `log_only` is set where decisions are not enforced: what would have been given if they were. `break_glass` is the
    emergency grant without which it had not been allowed, where the caller may see that.
    """

    request_id: str
    decision_id: str
    decision: Decision
    log_only: Decision | None = None
    break_glass: str = ""


class Keeping(Protocol):
    """Records that are written, and have yet to come to where they are kept. AuditUnavailable where they do not."""

    def __await__(self) -> Generator[object, None, None]:
        """Waits for it in the loop."""
        ...

    def wait(self) -> None:
        """Waits for it in a thread."""
        ...

    def then(self, act: Callable[[], None]) -> None:
        """Does that, which must be short and may be in another thread, once they may be answered."""
        ...


@stage
class Answers:
    """What a call is answered: an answer or an error an item, in order. `decided_at` is in milliseconds.

    Nothing of it may be told before `keeping`, where there is one, has come to pass.
    """

    items: tuple[Answer | MagistrateError, ...]
    policy_digest: str
    revision: str
    decided_at: int
    keeping: Keeping | None = None
