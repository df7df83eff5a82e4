"""While policies are being put in force, a fact is written only if both they and those in force take it alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Thread

import pytest

from policy_lang.facts import Assignment, Link
from policy_lang.types import Json
from policy_lang.values import Ref
from service.app.own_credentials import revoke_own
from service.db.engine import Database
from service.entities.batch import Assign, Delete, Put, Relate
from service.entities.batch_writer import BatchWriter
from service.entities.governed import GovernedEntities
from service.entities.store import EntityStore
from service.errors import ActivationUnderWay, DataError, InvalidRequest
from service.governance.gate import Gate
from service.governance.governance import Governance
from service.governance.module import check_grant
from service.model import ActivePolicies
from service.policies.activations import Activations
from service.policies.coming import ComingPolicies
from service.policies.folder import activate
from service.policies.store import BundleStore, Pushed
from tests.service.entities.firm import NOW, POLICY, Firm, build_firm, caller
from tests.service.point import KeptRecords, OnePolicy

T1, DOC = Ref("Tenant", "t1"), Ref("Doc", "doc-t1")
USER, TEAM = Ref("User", "member-t1"), Ref("Team", "team-t1")
ROOT = caller("root")
OLD = activate({"firm.policy": POLICY})
NEW = activate(
    {
        "firm.policy": POLICY.replace("level: int?", "level: decimal?, size: int?")
        .replace("type Note { text: string? }", "")
        .replace("role editor on Tenant { Doc: read }", "")
        .replace("relation friend on Doc: User, Team", "relation friend on Doc: Team"),
    }
)
HELP = f"help: so say the policies `{NEW.digest[:12]}`, which are being put in force"


@dataclass
class Shop:
    """A worker's writes under the old policies, of which it and the new ones are loaded."""

    firm: Firm
    loaded_: dict[str, ActivePolicies] = field(default_factory=lambda: {each.digest: each for each in (OLD, NEW)})

    def __post_init__(self) -> None:
        database = self.firm.database
        gate = Gate(
            governance=Governance(),
            policies=OnePolicy(OLD),
            facts=EntityStore(database),
            recorder=KeptRecords(),
            clock=lambda: NOW,
        )
        standing = ComingPolicies(self)
        self.writes = GovernedEntities(database, OnePolicy(OLD), gate, clock=lambda: NOW, standing=standing)
        self.batches = BatchWriter(
            database,
            OnePolicy(OLD),
            gate,
            check_grant=check_grant,
            clock=lambda: NOW,
            also=revoke_own,
            standing=standing,
        )
        self.activations = Activations(database)
        for each in (OLD, NEW):
            BundleStore(database).put(Pushed(each.digest, "User:root", NOW, "", None), {})
        self.activations.beat("r1")

    def loaded(self, digest: str) -> ActivePolicies | None:
        """What a worker has in memory."""
        return self.loaded_.get(digest)

    def begin(self, policies: ActivePolicies) -> int:
        """Begins to put them in force."""
        return self.activations.begin(policies.digest, "User:root", 60).number

    def put_in_force(self, policies: ActivePolicies) -> None:
        """Puts them in force."""
        number = self.begin(policies)
        self.activations.acknowledge(number, "r1")
        self.activations.settle(number)


@pytest.fixture
def shop(database: Database) -> Shop:
    built = Shop(build_firm(database))
    built.put_in_force(OLD)
    return built


def put(attributes: Json) -> Callable[[Shop], object]:
    return lambda shop: shop.writes.put(ROOT, DOC, attributes, None)


TAKEN: dict[str, Callable[[Shop], object]] = {
    "what both take": put({"tenant": "t1"}),
    "a role of both": lambda shop: shop.writes.assign(ROOT, USER, "firm.everywhere", None, expires_at=None),
    "a relation of both": lambda shop: shop.writes.write_relations(
        ROOT, [Link(DOC, "firm.friend", Ref("Team", "team-t1"), NOW)], []
    ),
    "a deletion of what is declared no more": lambda shop: shop.writes.delete(ROOT, Ref("Note", "n1")),
    "a batch of these": lambda shop: shop.batches.write(
        ROOT, [Put(DOC, {"tenant": "t1"}), Delete(Ref("Note", "n1")), Relate(Link(DOC, "firm.friend", TEAM, None))]
    ),
}  # fmt: skip
REFUSED: dict[str, tuple[Callable[[Shop], object], str]] = {
    "what they keep otherwise": (put({"tenant": "t1", "level": 3}), "it would be kept in another form"),
    "a type that goes": (
        lambda shop: shop.writes.put(ROOT, Ref("Note", "n1"), {}, None), "unknown type `Note`",
    ),
    "a role that goes": (
        lambda shop: shop.writes.assign(ROOT, USER, "firm.editor", T1, expires_at=None), "unknown role `firm.editor`",
    ),
    "a relation that changes": (
        lambda shop: shop.writes.write_relations(ROOT, [Link(DOC, "firm.friend", USER, None)], []),
        "`principal`: expected a reference to Team",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TAKEN)
def test_what_both_take_alike_is_written(shop: Shop, what: str) -> None:
    shop.begin(NEW)
    TAKEN[what](shop)


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_coming_policies_do_not_take_alike_is_refused_by_their_name(shop: Shop, what: str) -> None:
    write, said = REFUSED[what]
    write(shop)
    shop.begin(NEW)
    with pytest.raises(DataError) as refused:
        write(shop)
    assert str(refused.value).startswith(said)
    assert str(refused.value).endswith(HELP)


def test_of_a_batch_every_write_that_they_do_not_take_is_named(shop: Shop) -> None:
    shop.begin(NEW)
    editor = Assignment(USER, "firm.editor", T1, None)
    with pytest.raises(InvalidRequest) as refused:
        shop.batches.write(ROOT, [Put(DOC, {"tenant": "t1"}), Put(Ref("Note", "n2"), {}), Assign(editor)])
    assert [(each.field, each.message) for each in refused.value.violations] == [
        ("writes[1].put", f"unknown type `Note`; {HELP}"),
        ("writes[2].assign", f"unknown role `firm.editor`; {HELP}"),
    ]
    with pytest.raises(InvalidRequest) as refused:
        shop.batches.write(ROOT, [Put(DOC, {"tenant": "t1", "level": 1})])
    assert [each.message for each in refused.value.violations] == [f"it would be kept in another form; {HELP}"]


def test_a_worker_that_has_not_loaded_them_yet_has_its_callers_come_again(shop: Shop) -> None:
    del shop.loaded_[NEW.digest]
    shop.begin(NEW)
    with pytest.raises(ActivationUnderWay, match="write again when that has ended"):
        TAKEN["what both take"](shop)


def test_a_worker_that_has_not_heard_of_the_change_holds_writes_to_what_is_in_force(shop: Shop) -> None:
    shop.put_in_force(NEW)
    with pytest.raises(DataError, match="unknown type `Note`"):
        REFUSED["a type that goes"][0](shop)
    TAKEN["what both take"](shop)


def test_policies_that_could_not_be_put_in_force_hold_nobody_up(shop: Shop) -> None:
    shop.activations.acknowledge(shop.begin(NEW), "r1", why="too large")
    put({"tenant": "t1", "level": 3})(shop)


def test_no_activation_overtakes_a_write_that_has_looked(shop: Shop) -> None:
    looked, go_on = Event(), Event()
    standing = ComingPolicies(shop)

    def write() -> None:
        with shop.firm.database.write() as connection:
            seen.append(standing(connection, OLD.bundle.program.schema))
            looked.set()
            go_on.wait(10)

    seen: list[Sequence[ActivePolicies]] = []
    writing = Thread(target=write)
    writing.start()
    looked.wait(10)
    begun = Event()

    def begin() -> None:
        shop.begin(NEW)
        begun.set()

    beginning = Thread(target=begin)
    beginning.start()
    assert not begun.wait(0.3)
    go_on.set()
    writing.join(10)
    assert begun.wait(10)
    beginning.join(10)
    assert seen == [[]]
