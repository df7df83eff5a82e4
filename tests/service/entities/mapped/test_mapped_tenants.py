"""Who is admin at a tenant gives roles and relations at mapped entities of that tenant, and at no others."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from policy_lang.decision import Effect
from policy_lang.facts import Assignment, Link
from policy_lang.values import Ref
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.entities.batch import Assign
from service.entities.batch_writer import BatchWriter
from service.entities.elsewhere import Elsewhere
from service.entities.governed import GovernedEntities
from service.entities.mapped.tenants import tenants_in
from service.entities.readable import ReadableEntities
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from service.errors import FactsUnavailable, PermissionDenied
from service.governance.gate import Gate
from service.governance.governance import Governance
from service.governance.grants import Grants
from service.governance.module import check_grant
from service.policies.folder import activate
from service.source_settings import SourceSettings
from tests.service.entities.firm import caller
from tests.service.entities.mapped.places import execute, source_of
from tests.service.point import NOW, KeptRecords, OnePolicy

POLICIES: Final = activate({"m.policy": """\
module m
tenant type Org {}
principal type User { org: Org }
type Doc { org: Org? }
actions Doc { read }
role editor on Doc { Doc: read }
relation friend on Doc: User
"""})  # fmt: skip
ANN, D1, D2, NONE = Ref("User", "ann"), Ref("Doc", "d1"), Ref("Doc", "d2"), Ref("Doc", "d3")
DOC: Final = {"types": {"Doc": {"table": "docs", "tenant": "org_id"}}}
Act = Callable[["Office", str, Ref], object]


class Office:
    """What callers reach; the application's documents stand in a database of its own, which may be away."""

    def __init__(self, folder: Path) -> None:
        url, self.app = f"sqlite:///{folder / 'facts.db'}", folder / "app.db"
        execute(
            f"sqlite:///{self.app}",
            "CREATE TABLE docs (id TEXT PRIMARY KEY, org_id TEXT)",
            "INSERT INTO docs VALUES ('d1', 'o1'), ('d2', 'o2'), ('d3', NULL)",
        )
        self.source = source_of(f"sqlite:///{self.app}", **DOC)
        self.database = open_database(url)
        ensure_current(self.database, "facts")
        settings = SourceSettings.model_validate({"database": f"sqlite:///{self.app}", **DOC})
        elsewhere = Elsewhere({"app": settings}, tenants_in({"app": self.source}))
        policies, self.records = OnePolicy(POLICIES), KeptRecords()
        schema = POLICIES.bundle.program.schema
        for org in ("o1", "o2"):
            EntityWriter(self.database, schema, elsewhere).put(Ref("Org", org), {})
        EntityWriter(self.database, schema, elsewhere).put(ANN, {"org": "o1"})
        grants = Grants(self.database)
        for name, grant, place in (("root", "admin", None), ("chief", "admin", "o1"), ("chief", "reader", "o1")):
            grants.give(Ref("User", name), grant, None if place is None else Ref("Org", place))
        gate = Gate(
            governance=Governance(), policies=policies, facts=EntityStore(self.database), recorder=self.records,
            clock=lambda: NOW,
        )  # fmt: skip
        self.writes = GovernedEntities(self.database, policies, gate, clock=lambda: NOW, elsewhere=elsewhere)
        self.reads = ReadableEntities(self.database, policies, gate, elsewhere)
        self.batches = BatchWriter(
            self.database, policies, gate, check_grant=check_grant, clock=lambda: NOW, elsewhere=elsewhere
        )

    def close(self) -> None:
        """Closes both databases."""
        self.source.close()
        self.database.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.close()


ACTS: Final[dict[str, Act]] = {
    "assign": lambda office, who, doc: office.writes.assign(caller(who), ANN, "m.editor", doc, expires_at=None),
    "relate": lambda office, who, doc: office.writes.write_relations(
        caller(who), [Link(doc, "m.friend", ANN, None)], []
    ),
    "batch": lambda office, who, doc: office.batches.write(
        caller(who),
        [Assign(Assignment(ANN, "m.editor", doc, None))],
    ),
    "read": lambda office, who, doc: office.reads.assignments(
        caller(who), subject=None, place=doc, limit=10, after=None
    ),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_tenants_admin_reaches_what_is_mapped_of_the_tenant_alone(office: Office, act: Act) -> None:
    act(office, "chief", D1)
    assert office.records.records[-1].tenant == Ref("Org", "o1")
    for doc in (D2, NONE, Ref("Doc", "unknown")):
        with pytest.raises(PermissionDenied):
            act(office, "chief", doc)
        act(office, "root", doc)


def test_a_role_is_taken_away_again_where_it_was_given(office: Office) -> None:
    ACTS["assign"](office, "chief", D1)
    office.writes.unassign(caller("chief"), ANN, "m.editor", D1)
    assert office.reads.assignments(caller("root"), subject=ANN, place=None, limit=10, after=None).found == ()


def test_while_the_source_is_away_who_may_everywhere_goes_on_and_a_tenants_admin_cannot_be_judged(
    office: Office,
) -> None:
    execute(f"sqlite:///{office.app}", "DROP TABLE docs")
    ACTS["assign"](office, "root", D1)
    with pytest.raises(FactsUnavailable, match="the source `app`"):
        ACTS["assign"](office, "chief", D1)


def test_for_who_may_read_nothing_no_source_is_asked(office: Office) -> None:
    execute(f"sqlite:///{office.app}", "DROP TABLE docs")
    reads: list[Callable[[], object]] = [
        lambda: ACTS["read"](office, "nobody", D1),
        lambda: office.reads.relations(caller("nobody"), resource=D1, limit=10, after=None),
        lambda: office.reads.get(caller("nobody"), D1),
    ]
    for read in reads:
        with pytest.raises(PermissionDenied):
            read()
    assert {record.effect for record in office.records.records[-3:]} == {Effect.DENY}
