"""A decision point over a real SQLite store, asked by callers whose tokens are their names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from policy_lang.facts import Assignment
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.enforcement import LogOnly
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from service.errors import AuditUnavailable, Unauthenticated
from service.governance.governance import Governance
from service.governance.grants import Grants
from service.identity import Evidence, EvidenceKind
from service.model import ActivePolicies, Bounds, Caller, CheckRequest, DecisionRecord, GivenEntity, Principal, Scopes
from service.pdp import DecisionPoint
from service.policies.folder import activate
from service.ports import Authenticator, Recorder
from service.recording.contents import Contents

NOW: Final = 1_800_000_000_000

POLICY: Final = """
module shop

tenant type Tenant {}
principal type User { tenant: Tenant, suspended: bool, secret: string? sensitive }
principal type Agent from token { tenant: Tenant from claim "org" "id", level: int? from claim "level" }
type Order in Order { tenant: Tenant, buyer: User, note: string? from request, weight: int? }

context { ip: ip, mfa: bool? }

actions Order { new create, read, refund, close, audit }

role helper on Tenant { Order: close }

relation buyer on Order = resource.buyer == principal

rule own:      allow read, refund on Order to buyer reason "{resource.buyer} may, from {context.ip}"
rule making:   allow create on Order to User when resource.tenant == principal.tenant
rule agents:   allow read on Order to Agent when principal.tenant == resource.tenant
rule noted:    allow close on Order to User when resource.note == "please"
rule audit:    allow audit on Order to anyone when context.ip in [10.0.0.0/8]

shadow rule watched: deny audit on Order when has resource.weight and resource.weight > 50 reason "{resource.weight}"
    oblige weigh(by: resource.weight)

rule helping:  allow granted on Order to role in resource.tenant
rule barred:   deny any on Order to User when principal.suspended reason "the account is suspended" code SUSPENDED
rule marked:   deny any on Order to User when has principal.secret and principal.secret == "mark"
rule heavy:    deny refund on Order when has resource.weight and resource.weight > 100 hide
rule veiled:   deny read on Order when has resource.weight and resource.weight > 800 hide
rule stepup:   deny refund on Order unless context.mfa ?? false code STEP_UP oblige step_up(method: "totp")
"""


def _claiming(place: Ref | None) -> Principal:
    """Bob, whose token says that he is a helper there."""
    bob = Ref("User", "bob")
    return Principal(bob, {}, (Assignment(bob, "shop.helper", place, None),))


ALICES_TOKEN: Final = Evidence(EvidenceKind.TOKEN, "idp", "t-alice")
GATEWAYS_TOKEN: Final = Evidence(EvidenceKind.TOKEN, "idp", "t-gateway")

CALLERS: Final[Mapping[str, Caller]] = {
    "plain": Caller(Principal(Ref("User", "alice"), {}, evidence=ALICES_TOKEN), "idp"),
    "key": Caller(
        Principal(Ref("User", "alice"), evidence=Evidence(EvidenceKind.API_KEY, credential="k")),
        "api-key",
        Bounds("api-key k", Scopes(frozenset({"AuthorizationService.*"}), frozenset({"read"}), frozenset({"Order"}))),
    ),
    "pep": Caller(Principal(Ref("User", "gateway"), {}, evidence=GATEWAYS_TOKEN), "idp"),
    "blind": Caller(Principal(Ref("User", "proxy"), {}), "idp"),
    "agent": Caller(Principal(Ref("Agent", "a7"), {"org": {"id": "t1"}, "level": "high"}), "idp"),
    "stranger": Caller(Principal(Ref("Ghost", "g"), {}), "idp"),
    "local": Caller(Principal(Ref("User", "branch"), {}), "idp"),
    "claiming": Caller(_claiming(Ref("Tenant", "t1")), "idp"),
    "claiming elsewhere": Caller(_claiming(Ref("Tenant", "t2")), "idp"),
    "claiming at large": Caller(_claiming(None), "idp"),
    "developer": Caller(Principal(Ref("User", "dev"), {}), "dev"),
}
"""Whom each token names."""

GRANTS: Final = (
    ("User:alice", "check", None),
    ("User:bob", "check", None),
    ("User:gateway", "pep", None),
    ("User:gateway", "check_as:User", None),
    ("User:gateway", "assert_attributes", None),
    ("User:proxy", "check", None),
    ("User:proxy", "check_as:User", None),
    ("User:proxy", "assert_attributes", None),
    ("Agent:*", "pep", None),
    ("User:branch", "pep", "Tenant:t1"),
    ("User:branch", "check_as:User", "Tenant:t1"),
)
"""What they hold of the built-in module; the developer's issuer is that of `--dev`."""


class NamedTokens:
    """Authenticates callers by name; the token `for-ID` names the user ID as a principal."""

    def caller(self, token: str, now: int) -> Caller:
        """The caller of that name."""
        if token not in CALLERS:
            raise Unauthenticated("nobody has that name")
        return CALLERS[token]

    def principal(self, token: str, now: int) -> Principal:
        """The user that the token names."""
        if not token.startswith("for-"):
            raise Unauthenticated("not a token to be asked about")
        evidence = Evidence(EvidenceKind.PRINCIPAL_TOKEN, "idp", token)
        return Principal(Ref("User", token.removeprefix("for-")), {}, evidence=evidence)


@dataclass
class KeptRecords:
    """Keeps records in a list, or refuses."""

    records: list[DecisionRecord] = field(default_factory=list)
    is_refusing: bool = False

    def record(self, records: Sequence[DecisionRecord]) -> None:
        """Keeps them."""
        if self.is_refusing:
            raise AuditUnavailable("told to refuse")
        self.records += records


@dataclass(frozen=True)
class OnePolicy:
    """Holds one bundle."""

    policies: ActivePolicies

    def active(self) -> ActivePolicies:
        """The bundle."""
        return self.policies


def build_point(
    folder: Path,
    recorder: Recorder,
    authenticator: Authenticator | None = None,
    contents: Contents | None = None,
    *,
    log_only: LogOnly | None = None,
    policy: str = POLICY,
) -> DecisionPoint:
    """The decision point over a store with a few users and orders; callers are named by token, or authenticated."""
    policies = activate({"shop.policy": policy})
    database = open_database(f"sqlite:///{folder / 'facts.db'}")
    ensure_current(database, "facts")
    writer = EntityWriter(database, policies.bundle.program.schema)
    for tenant in ("t1", "t2"):
        writer.put(Ref("Tenant", tenant), {})
    for user, suspended in (("alice", False), ("bob", False), ("carol", True)):
        writer.put(Ref("User", user), {"tenant": "t1", "suspended": suspended, "secret": "not-to-be-seen"})
    writer.put(Ref("Order", "o1"), {"tenant": "t1", "buyer": "alice", "weight": 5})
    writer.put(Ref("Order", "heavy"), {"tenant": "t1", "buyer": "alice", "weight": 500})
    writer.put(Ref("Order", "foreign"), {"tenant": "t2", "buyer": "alice", "weight": 5})
    writer.put(Ref("Order", "hidden"), {"tenant": "t1", "buyer": "alice", "weight": 900})
    writer.put(Ref("Order", "theirs"), {"tenant": "t1", "buyer": "bob", "weight": 5})
    grants = Grants(database)
    for principal, grant, place in GRANTS:
        grants.give(ref(principal), grant, ref(place) if place else None)
    return DecisionPoint(
        authenticator=authenticator or NamedTokens(),
        governance=Governance(["dev"]),
        policies=OnePolicy(policies),
        facts=EntityStore(database),
        recorder=recorder,
        clock=lambda: NOW,
        contents=contents,
        log_only=log_only,
    )


def ref(text: str) -> Ref:
    """The reference that `Type:id` writes."""
    type_, id_ = text.split(":", 1)
    return Ref(type_, id_)


def asking(
    action: str,
    order: str = "o1",
    *,
    as_user: str | None = None,
    for_token: str | None = None,
    attributes: Mapping[str, Json] | None = None,
    context: Mapping[str, Json] | None = None,
) -> CheckRequest:
    """A question about an order."""
    return CheckRequest(
        request_id="r1",
        action=action,
        resource=GivenEntity(Ref("Order", order), attributes or {}),
        context={"ip": "10.0.0.1"} if context is None else context,
        principal=None if as_user is None else GivenEntity(Ref("User", as_user)),
        principal_token=for_token,
    )
