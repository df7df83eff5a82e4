"""Who may do what with policies: each act is allowed by roles of the module and recorded, else refused and recorded."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from policy_lang.loading import load
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.desk import Desk
from service.entities.store import EntityStore
from service.errors import (
    ActivationFailed,
    FactsUnavailable,
    InvalidRequest,
    MagistrateError,
    NoPolicies,
    NotFound,
    PermissionDenied,
)
from service.governance.gate import Gate
from service.governance.governance import Governance
from service.governance.grants import Grants
from service.model import ActivePolicies, Caller, Principal, RecordKind
from service.policies import following
from service.policies.activations import Activations, State
from service.policies.following import StoreFollower
from service.policies.office import Offered, PolicyOffice
from service.policies.signing import Signatures
from service.policies.store import BundleStore, Pushed
from service.policies.trials import Trials
from service.policies.verdict import Verdict, judge
from service.policies.watching import Fit, Fits, anywhere
from service.policies.wiring import POLICIES
from tests.e2e.running import wait_for
from tests.service.beside import beside
from tests.service.point import NOW, KeptRecords

TEXTS = {"a.policy": "module a\n\nprincipal type User {}\n"}
WITHIN = 20.0
ROLES = ("pep", "reader", "author", "auditor", "admin", "nobody")
Act = Callable[[PolicyOffice, Caller], object]


class NoneYet:
    """A service without policies."""

    def active(self) -> ActivePolicies:
        raise NoPolicies("no policies are loaded")


@dataclass
class WorkersOfOne:
    """Workers that load what they are given, unless they are told to refuse."""

    said: list[str] = field(default_factory=list)
    refuses: str = ""

    def vacant(self) -> None:
        self.said.append("vacant")

    def refuse(self, why: str) -> None:
        self.said.append(f"refuse {why}")

    def take_up(self, policies: Fit) -> None:
        self.said.append(f"take up {policies.digest[:4]}")

    def prepare(self, policies: Fit) -> str:
        self.said.append(f"prepare {policies.digest[:4]}")
        return self.refuses

    def activate(self, digest: str) -> None:
        self.said.append(f"activate {digest[:4]}")

    def try_out(self, candidate: Fit | None, why: str = "") -> None:
        self.said.append(f"try out {why or (candidate and candidate.digest[:4])}")


def follower_of(store: BundleStore, facts: Database, workers: WorkersOfOne, *, fits: Fits = anywhere) -> StoreFollower:
    """The replica's part in the activations of that store."""
    return StoreFollower(
        "r1",
        store=store,
        activations=Activations(facts),
        trials=Trials(facts),
        desk=Desk(facts, "r1", POLICIES),
        signatures=Signatures(),
        workers=workers,
        fits=fits,
    )


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path / 'facts.db'}")
    ensure_current(database, "facts")
    yield database
    database.close()


@pytest.fixture
def workers(facts: Database) -> Iterator[WorkersOfOne]:
    """The workers of a replica whose background process follows the store."""
    workers = WorkersOfOne()
    follower = follower_of(BundleStore(facts), facts, workers)
    with beside(follower.run):
        yield workers


@pytest.fixture
def records() -> KeptRecords:
    return KeptRecords()


@pytest.fixture
def office(facts: Database, workers: WorkersOfOne, records: KeptRecords) -> PolicyOffice:
    for role in ROLES:
        if role != "nobody":
            Grants(facts).give(Ref("Service", role), role, None)
    gate = Gate(
        governance=Governance(), policies=NoneYet(), facts=EntityStore(facts), recorder=records, clock=lambda: NOW
    )
    return PolicyOffice(
        gate=gate,
        store=BundleStore(facts),
        activations=Activations(facts),
        trials=Trials(facts),
        desk=Desk(facts, "r1", POLICIES),
        signatures=Signatures(),
        clock=lambda: NOW,
    )


def caller(role: str) -> Caller:
    return Caller(Principal(Ref("Service", role)), "idp")


def push(office: PolicyOffice, by: Caller) -> str:
    return office.push(by, Offered(TEXTS, "", None), WITHIN)[0].digest


ACTS: dict[str, tuple[Act, set[str]]] = {
    "policy.validate": (lambda office, by: office.validate(by, TEXTS, WITHIN), {"author", "admin"}),
    "policy.push": (push, {"author", "admin"}),
    "policy.activate": (lambda office, by: office.activate(by, "0000", WITHIN), {"admin"}),
    "rollback": (lambda office, by: office.rollback(by, WITHIN), {"admin"}),
    "shadow": (lambda office, by: office.try_out(by, "0000"), {"admin"}),
    "shadow off": (lambda office, by: office.try_none(by), {"admin"}),
    "shadow?": (lambda office, by: office.tried_out(by), {"author", "admin"}),
    "list": (lambda office, by: office.bundles(by, 10, None), {"author", "admin"}),
    "get": (lambda office, by: office.bundle(by, "0000"), {"author", "admin"}),
    "history": (lambda office, by: office.history(by, 10, None), {"author", "admin"}),
}


@pytest.mark.parametrize("act", ACTS)
def test_an_act_is_for_the_roles_that_carry_it_and_a_refusal_is_recorded(
    office: PolicyOffice, records: KeptRecords, act: str
) -> None:
    do, allowed = ACTS[act]
    for role in ROLES:
        records.records.clear()
        try:
            do(office, caller(role))
        except NotFound:
            assert role in allowed
        except PermissionDenied:
            assert role not in allowed
            (kept,) = records.records
            assert (kept.kind, kept.caller) == (RecordKind.REFUSAL, Ref("Service", role))
        else:
            assert role in allowed
            assert [kept.kind for kept in records.records] == [RecordKind.DECISION]


def test_what_is_pushed_and_put_in_force_is_recorded_by_its_digest(
    office: PolicyOffice, records: KeptRecords, workers: WorkersOfOne
) -> None:
    digest = push(office, caller("author"))
    office.activate(caller("admin"), digest, WITHIN)
    assert [(kept.action, kept.resource.id, kept.inputs) for kept in records.records] == [
        ("magistrate.policy.push", digest, {"message": ""}),
        ("magistrate.policy.activate", digest, {"change": "activate", "before": ""}),
    ]
    assert workers.said[:2] == ["vacant", f"prepare {digest[:4]}"]


def test_policies_are_tried_out_until_they_come_in_force_and_each_act_is_recorded(
    office: PolicyOffice, records: KeptRecords, workers: WorkersOfOne
) -> None:
    first = push(office, caller("author"))
    office.activate(caller("admin"), first, WITHIN)
    other = {path: text + "# another\n" for path, text in TEXTS.items()}
    second = office.push(caller("author"), Offered(other, "", None), WITHIN)[0].digest
    assert office.try_out(caller("admin"), second[:12]) == second
    wait_for(lambda: f"try out {second[:4]}" in workers.said)
    assert office.tried_out(caller("admin")) == second
    office.try_none(caller("admin"))
    wait_for(lambda: workers.said[-1] == "try out None")
    office.try_out(caller("admin"), second)
    office.activate(caller("admin"), second, WITHIN)
    assert office.tried_out(caller("admin")) == ""
    with pytest.raises(InvalidRequest, match="these policies are in force"):
        office.try_out(caller("admin"), second)
    told = [
        (kept.resource.id, dict(kept.inputs)) for kept in records.records if "shadow" in str(kept.inputs.get("change"))
    ]
    assert told == [
        (second, {"change": "shadow", "before": ""}),
        ("*", {"change": "shadow off", "before": second}),
        (second, {"change": "shadow", "before": ""}),
    ]


def test_a_roll_back_is_recorded_as_one_with_what_was_before(office: PolicyOffice, records: KeptRecords) -> None:
    first = push(office, caller("author"))
    office.activate(caller("admin"), first, WITHIN)
    other = {path: text + "# another\n" for path, text in TEXTS.items()}
    second = office.push(caller("author"), Offered(other, "", None), WITHIN)[0].digest
    office.activate(caller("admin"), second, WITHIN)
    office.rollback(caller("admin"), WITHIN)
    kept = records.records[-1]
    assert (kept.action, kept.resource.id) == ("magistrate.policy.activate", first)
    assert kept.inputs == {"change": "rollback", "before": second}


def test_what_cannot_be_recorded_is_not_done(office: PolicyOffice, records: KeptRecords, facts: Database) -> None:
    records.is_refusing = True
    with pytest.raises(Exception, match="told to refuse"):
        push(office, caller("author"))
    assert BundleStore(facts).newest(10) == []


def test_policies_that_the_workers_cannot_load_are_not_put_in_force(
    office: PolicyOffice, workers: WorkersOfOne, facts: Database
) -> None:
    digest = push(office, caller("author"))
    workers.refuses = "no room"
    with pytest.raises(ActivationFailed, match="the replica `r1` cannot load it: no room"):
        office.activate(caller("admin"), digest, WITHIN)
    workers.refuses = ""
    office.activate(caller("admin"), digest, WITHIN)
    assert Activations(facts).standing().active == digest


class StumblingStore(BundleStore):
    """A store that does not answer the first time that a bundle is read."""

    has_stumbled = False

    def fetch(self, digest: str) -> tuple[Pushed, dict[str, str]]:
        """The bundle, from the second time on."""
        if not self.has_stumbled:
            self.has_stumbled = True
            raise FactsUnavailable("told to fail")
        return super().fetch(digest)


@pytest.mark.parametrize(
    ("is_trial", "said"), [(True, ["try out"]), (False, ["prepare", "activate"])], ids=["trial", "activation"]
)
def test_what_could_not_be_read_is_taken_up_with_the_next_look(
    facts: Database, is_trial: bool, said: list[str]
) -> None:
    workers, store = WorkersOfOne(), StumblingStore(facts)
    follower = follower_of(store, facts, workers)
    if is_trial:
        digest = load(TEXTS).digest
        store.put(Pushed(digest, "Service:ci", NOW, "", None), TEXTS)
        Trials(facts).begin(digest, "Service:ci", NOW)
    else:
        digest = put_in_force_elsewhere(facts, TEXTS)

    with pytest.raises(FactsUnavailable):
        follower.look()
    follower.look()
    assert workers.said == [f"{each} {digest[:4]}" for each in said]


def put_in_force_elsewhere(facts: Database, texts: Mapping[str, str]) -> str:
    """The digest of policies that another replica alone has taken part in putting in force."""
    digest, activations = load(texts).digest, Activations(facts)
    BundleStore(facts).put(Pushed(digest, "Service:ci", NOW, "", None), texts)
    activations.beat("r2")
    number = activations.begin(digest, "Service:ci", WITHIN).number
    activations.acknowledge(number, "r2")
    activations.settle(number)
    return digest


def test_what_is_in_force_and_cannot_be_loaded_is_told_and_tried_again_after_a_pause(
    facts: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest, workers = put_in_force_elsewhere(facts, TEXTS), WorkersOfOne(refuses="no room")
    follower = follower_of(BundleStore(facts), facts, workers)
    refused = [f"prepare {digest[:4]}", "refuse the policies in force cannot be loaded: no room"]
    monkeypatch.setattr(following, "RETRY_SECONDS", 0.0)
    follower.look()
    monkeypatch.setattr(following, "RETRY_SECONDS", 3600.0)
    follower.look()
    follower.look()
    assert workers.said == refused * 2
    workers.refuses = ""
    other = put_in_force_elsewhere(facts, {"a.policy": "module other\n"})
    follower.look()
    assert workers.said[4:] == [f"prepare {other[:4]}", f"activate {other[:4]}"]


def test_going_back_from_what_cannot_be_loaded_is_told_to_the_workers(facts: Database) -> None:
    workers = WorkersOfOne()
    follower = follower_of(BundleStore(facts), facts, workers)
    first = put_in_force_elsewhere(facts, TEXTS)
    follower.look()
    workers.refuses = "no room"
    put_in_force_elsewhere(facts, {"a.policy": "module other\n"})
    follower.look()
    workers.refuses = ""
    workers.said.clear()
    put_in_force_elsewhere(facts, TEXTS)
    follower.look()
    assert workers.said == [f"prepare {first[:4]}", f"activate {first[:4]}"]


def test_a_fault_in_judging_is_told_and_the_next_policies_are_judged(
    office: PolicyOffice, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def judging(texts: Mapping[str, str]) -> Verdict:
        return judge(texts) if texts == TEXTS else faulty(texts)

    monkeypatch.setattr(following, "judge", judging)

    with pytest.raises(MagistrateError) as told:
        office.push(caller("author"), Offered({"a.policy": "module b"}, "", None), WITHIN)

    assert (type(told.value), str(told.value)) == (MagistrateError, "it is a fault of the service, whose log says more")
    logged = capsys.readouterr().out
    assert "policies.fault" in logged
    assert "ZeroDivisionError" in logged
    assert push(office, caller("author")) == load(TEXTS).digest


def test_a_fault_in_loading_fails_the_activation_and_no_later_one(facts: Database) -> None:
    digest, workers, activations = load(TEXTS).digest, WorkersOfOne(), Activations(facts)
    activations.beat("r1")
    BundleStore(facts).put(Pushed(digest, "Service:ci", NOW, "", None), TEXTS)
    activations.begin(digest, "Service:ci", WITHIN)

    follower_of(BundleStore(facts), facts, workers, fits=faulty).look()

    (failed,) = activations.newest(10)
    assert failed.state is State.FAILED
    assert "it is a fault of the service, whose log says more" in failed.why
    activations.begin(digest, "Service:ci", WITHIN)
    follower_of(BundleStore(facts), facts, workers).look()
    assert activations.standing().active == digest


def faulty(_: object) -> NoReturn:
    """Is what nobody thought of."""
    raise ZeroDivisionError
