"""A firm of two tenants: facts that callers read and write through the gate, on a real database."""

from dataclasses import dataclass, field
from typing import Final

from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.app.own_credentials import revoke_own
from service.db.engine import Database
from service.db.migration import migrate
from service.entities.batch_writer import BatchWriter
from service.entities.breaking_glass import BreakingGlass
from service.entities.governed import GovernedEntities
from service.entities.readable import ReadableEntities
from service.entities.store import EntityStore
from service.entities.watching import Watching
from service.entities.writer import EntityWriter
from service.governance.gate import Gate
from service.governance.given_roles import GivenRoles
from service.governance.governance import Governance
from service.governance.grants import Grants
from service.governance.module import check_grant
from service.model import Caller, DecisionRecord, Principal
from service.policies.folder import activate
from tests.service.point import KeptRecords, OnePolicy, ref

NOW: Final = 1_800_000_000_000
LONGEST_SECONDS: Final = 3600
"""The longest that an emergency may last there."""
POLICY: Final = """
module firm

tenant type Tenant {}
type Team in Team { tenant: Tenant? }
principal type User in Team { tenant: Tenant, secret: string? sensitive }
principal type Robot from token { tenant: Tenant from claim "tid" }
type Doc { tenant: Tenant, level: int? }
type Note { text: string? }

actions Doc { read }

role editor on Tenant { Doc: read }
role everywhere { Doc: read }
relation friend on Doc: User, Team
"""
GRANTS: Final = (
    ("User:root", "admin", None),
    ("User:root", "pep", None),
    ("User:chief", "admin", "Tenant:t1"),
    ("User:chief", "reader", "Tenant:t1"),
    ("User:reader", "reader", None),
    ("User:author", "author", None),
    ("User:auditor", "auditor", None),
    ("User:pep", "pep", None),
    ("User:pep", "check_as:User", None),
    ("Team:auditors", "auditor", None),
    ("Team:admins1", "admin", "Tenant:t1"),
)


@dataclass
class Firm:
    """What callers reach, and the record of it."""

    database: Database
    policies: OnePolicy
    schema: Schema
    gate: Gate
    writes: GovernedEntities
    batches: BatchWriter
    reads: ReadableEntities
    roles: GivenRoles
    emergencies: BreakingGlass
    watching: Watching
    url: str = ""
    recorder: KeptRecords = field(default_factory=KeptRecords)

    @property
    def records(self) -> list[DecisionRecord]:
        """Every record so far."""
        return self.recorder.records


def caller(name: str) -> Caller:
    """The user of that name, who asks by a token."""
    return Caller(Principal(Ref("User", name), {}), "idp")


def build_firm(database: Database, url: str = "") -> Firm:
    """The firm with its tenants, teams, people, documents and grants."""
    migrate(database, "facts")
    policies = activate({"firm.policy": POLICY})
    writer = EntityWriter(database, policies.bundle.program.schema)
    for tenant in ("t1", "t2"):
        writer.put(Ref("Tenant", tenant), {})
        writer.put(Ref("Doc", f"doc-{tenant}"), {"tenant": tenant, "level": 1})
        writer.put(Ref("User", f"member-{tenant}"), {"tenant": tenant, "secret": "not-to-be-seen"})
        writer.put(Ref("Team", f"team-{tenant}"), {"tenant": tenant})
    writer.put(Ref("Team", "auditors"), {})
    writer.put(Ref("Team", "admins1"), {"tenant": "t1"})
    writer.put(Ref("Team", "inner"), {"tenant": "t1"}, ["admins1"])
    writer.put(Ref("Note", "n1"), {"text": "hello"})
    grants = Grants(database)
    for principal, grant, place in GRANTS:
        grants.give(ref(principal), grant, ref(place) if place else None)
    recorder = KeptRecords()
    gate = Gate(
        governance=Governance(),
        policies=OnePolicy(policies),
        facts=EntityStore(database),
        recorder=recorder,
        clock=lambda: NOW,
    )
    return Firm(
        database=database,
        policies=OnePolicy(policies),
        gate=gate,
        schema=policies.bundle.program.schema,
        writes=GovernedEntities(database, OnePolicy(policies), gate, clock=lambda: NOW, also=revoke_own),
        batches=BatchWriter(
            database, OnePolicy(policies), gate, check_grant=check_grant, clock=lambda: NOW, also=revoke_own
        ),
        reads=ReadableEntities(database, OnePolicy(policies), gate),
        roles=GivenRoles(database, gate),
        emergencies=BreakingGlass(
            database, OnePolicy(policies), gate, clock=lambda: NOW, longest_seconds=LONGEST_SECONDS
        ),
        watching=Watching(database, gate),
        url=url,
        recorder=recorder,
    )
