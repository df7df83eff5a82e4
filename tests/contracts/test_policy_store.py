"""Pushed policies are kept as they came, and put in force on every live replica or on none, on each database."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from service.db.engine import Database
from service.db.facts_tables import activation, change, replica
from service.errors import ActivationUnderWay, NotFound
from service.policies.activations import LIVE_MS, Activations, State
from service.policies.store import BundleStore, Place, Pushed
from service.policies.trials import Trials

A, B, C = "a" * 64, "b" * 64, "c" * 64
TEXTS = {"x.policy": "module x\n# \0 ü\n", "sub/y.policy": "module y\n"}
LONG = 60.0


@pytest.fixture
def bundles(facts: Database) -> BundleStore:
    """Three bundles, the newest last."""
    store = BundleStore(facts)
    for at, digest in enumerate((A, B, C)):
        store.put(Pushed(digest, "Service:ci", at, f"number {at}", None), TEXTS)
    return store


@pytest.fixture
def activations(facts: Database, bundles: BundleStore) -> Activations:
    """The activations of two live replicas."""
    acts = Activations(facts)
    acts.beat("r1")
    acts.beat("r2")
    return acts


def put_in_force(activations: Activations, digest: str) -> str:
    """Has both replicas load the policies; the revision."""
    number = activations.begin(digest, "Service:ci", LONG).number
    for each in ("r1", "r2"):
        activations.acknowledge(number, each)
    return activations.settle(number).revision


def changes(facts: Database) -> list[tuple[str, str]]:
    with facts.read() as connection:
        query = select(change.c.kind, change.c.key).order_by(change.c.revision, change.c.ordinal)
        return [(row.kind, row.key) for row in connection.execute(query)]


def hear_nothing_of(facts: Database, name: str) -> None:
    """As if the replica had been silent for longer than it is waited for."""
    with facts.write() as connection:
        statement = update(replica).where(replica.c.id == name).values(seen_at=replica.c.seen_at - LIVE_MS - 1)
        connection.execute(statement)


def test_texts_come_back_as_they_were_pushed(bundles: BundleStore) -> None:
    pushed, texts = bundles.fetch(B)
    assert (pushed.message, texts) == ("number 1", TEXTS)


def test_the_first_push_of_a_bundle_stands(bundles: BundleStore) -> None:
    assert not bundles.put(Pushed(B, "Service:other", 9, "again", b"x"), {})
    assert bundles.fetch(B) == (Pushed(B, "Service:ci", 1, "number 1", None), TEXTS)


def test_bundles_are_listed_from_the_newest_on_page_by_page(bundles: BundleStore) -> None:
    first = bundles.newest(2)
    rest = bundles.newest(2, Place(first[-1].pushed_at, first[-1].digest))
    assert [each.digest for each in (*first, *rest)] == [C, B, A]


@pytest.mark.parametrize("prefix", ["", "d", "_", "%"])
def test_a_beginning_that_no_bundle_has_is_not_found(bundles: BundleStore, prefix: str) -> None:
    with pytest.raises(NotFound):
        bundles.resolve(prefix)


def test_a_beginning_finds_its_bundle_unless_two_have_it(bundles: BundleStore) -> None:
    assert bundles.resolve("bb") == B
    bundles.put(Pushed("b" * 63 + "0", "Service:ci", 5, "", None), TEXTS)
    with pytest.raises(NotFound, match="more than one"):
        bundles.resolve("bb")


def test_an_activation_waits_for_every_live_replica_and_is_then_one_revision(
    activations: Activations, facts: Database
) -> None:
    number = activations.begin(A, "Service:ci", LONG).number
    activations.acknowledge(number, "r1")
    assert activations.settle(number).state is State.PREPARING
    assert (activations.standing().active, changes(facts)) == ("", [])
    activations.acknowledge(number, "r2")
    ended = activations.settle(number)
    assert (ended.state, activations.standing().active, activations.standing().preparing) == (State.ACTIVE, A, None)
    assert ended.revision.endswith(".1")
    assert changes(facts) == [("activation", A)]


def test_nothing_is_put_in_force_that_no_replica_has_loaded(activations: Activations) -> None:
    number = activations.begin(A, "Service:ci", LONG).number
    for each in ("r1", "r2"):
        activations.leave(each)
    assert activations.settle(number).state is State.PREPARING


def test_a_replica_that_cannot_load_the_policies_ends_the_activation_and_is_named(
    activations: Activations, facts: Database
) -> None:
    put_in_force(activations, A)
    number = activations.begin(B, "Service:ci", LONG).number
    activations.acknowledge(number, "r1")
    activations.acknowledge(number, "r2", "its memory is full")
    ended = activations.settle(number)
    assert (ended.state, ended.why) == (State.FAILED, "the replica `r2` cannot load it: its memory is full")
    assert activations.standing().active == A
    assert changes(facts) == [("activation", A)]


def test_a_replica_that_does_not_answer_in_time_is_named(activations: Activations) -> None:
    number = activations.begin(A, "Service:ci", -1.0).number
    activations.acknowledge(number, "r2")
    ended = activations.settle(number)
    assert (ended.state, ended.why) == (State.FAILED, "time ran out: waited for `r1`")
    assert activations.begin(B, "Service:ci", LONG).state is State.PREPARING


def test_a_replica_that_was_not_heard_of_is_not_waited_for(activations: Activations, facts: Database) -> None:
    number = activations.begin(A, "Service:ci", LONG).number
    activations.acknowledge(number, "r1")
    hear_nothing_of(facts, "r2")
    assert activations.settle(number).state is State.ACTIVE


def test_one_activation_at_a_time(activations: Activations) -> None:
    with ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(activations.begin, digest, "Service:ci", LONG) for digest in (A, B, C) * 2]
    refused = [each.exception() for each in asked if each.exception() is not None]
    assert len(refused) == 5
    assert all(isinstance(each, ActivationUnderWay) for each in refused)


def test_many_who_settle_at_once_make_one_revision(activations: Activations, facts: Database) -> None:
    number = activations.begin(A, "Service:ci", LONG).number
    for each in ("r1", "r2"):
        activations.acknowledge(number, each)
    with ThreadPoolExecutor(6) as threads:
        ended = list(threads.map(lambda _: activations.settle(number), range(6)))
    assert {each.state for each in ended} == {State.ACTIVE}
    assert changes(facts) == [("activation", A)]


def test_what_is_in_force_already_stays_so_without_a_revision(activations: Activations, facts: Database) -> None:
    revision = put_in_force(activations, A)
    assert activations.begin(A, "Service:other", LONG).revision == revision
    assert changes(facts) == [("activation", A)]


def test_what_was_never_pushed_is_not_put_in_force(activations: Activations) -> None:
    with pytest.raises(NotFound):
        activations.begin("d" * 64, "Service:ci", LONG)


def test_the_former_policies_are_those_in_force_before_and_not_those_that_failed(activations: Activations) -> None:
    with pytest.raises(NotFound):
        activations.former()
    put_in_force(activations, A)
    with pytest.raises(NotFound):
        activations.former()
    put_in_force(activations, B)
    activations.acknowledge(activations.begin(C, "Service:ci", LONG).number, "r1", "no")
    assert activations.former() == A


def test_the_history_has_every_attempt_from_the_newest_on(activations: Activations) -> None:
    put_in_force(activations, A)
    activations.acknowledge(activations.begin(B, "Service:ci", LONG).number, "r1", "no")
    found = activations.newest(1)
    assert [(each.digest, each.state) for each in found] == [(B, State.FAILED)]
    assert [(each.digest, each.state) for each in activations.newest(5, found[0].number)] == [(A, State.ACTIVE)]


def test_replicas_are_told_apart_by_the_databases_clock(activations: Activations, facts: Database) -> None:
    begun = activations.begin(A, "Service:ci", LONG)
    with facts.read() as connection:
        seen = connection.execute(select(replica.c.seen_at)).scalars().all()
        ends = connection.execute(select(activation.c.expires_at)).scalar_one()
    assert all(abs(begun.asked_at - each) < 5_000 for each in seen)
    assert ends - begun.asked_at == LONG * 1000


def test_one_set_of_policies_is_tried_out_until_it_comes_in_force(facts: Database, activations: Activations) -> None:
    trials = Trials(facts)
    assert trials.digest() == ""
    trials.begin(A, "Service:ci", 1)
    trials.begin(B, "Service:ci", 2)
    put_in_force(activations, A)
    assert trials.digest() == B
    put_in_force(activations, B)
    assert trials.digest() == ""
    trials.begin(C, "Service:ci", 3)
    trials.end()
    assert trials.digest() == ""
