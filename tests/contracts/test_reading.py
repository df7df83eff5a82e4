"""What a store of facts answers, in every kind of place: tables of its own, or those of an application."""

import pytest

from policy_lang.facts import Assignment, Link
from policy_lang.values import ABSENT, OPTIONAL_NOT_GIVEN, UNSET, Ip, Network, Record, Ref
from tests.contracts.conftest import Kept
from tests.contracts.documents import SCHEMA

ALICE, BOB, LEGAL, STAFF = Ref("User", "alice"), Ref("User", "bob"), Ref("Team", "legal"), Ref("Team", "staff")
T1, PLAN, INBOX, ROOT = Ref("Tenant", "t1"), Ref("Document", "d1"), Ref("Folder", "inbox"), Ref("Folder", "root")
NOBODY = Ref("User", "nobody")
LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def filled(kept: Kept) -> None:
    """Alice of the legal team, Bob, and a plan in a folder."""
    kept.writer.put(T1, {})
    kept.writer.put(STAFF, {})
    kept.writer.put(LEGAL, {}, ["staff"])
    kept.writer.put(ALICE, {"clearance": 2, "suspended": False, "tenant": "t1", "zone": "Europe/Paris"}, ["legal"])
    kept.writer.put(BOB, {"clearance": 1, "department": None})
    kept.writer.put(ROOT, {})
    kept.writer.put(INBOX, {"owner": {"type": "Team", "id": "legal"}}, [{"type": "Folder", "id": "root"}])
    kept.writer.put(
        PLAN,
        {
            "tenant": {"type": "Tenant", "id": "t1"},
            "owner": {"type": "User", "id": "alice"},
            "level": -(2**53 - 1),
            "price": "12.50",
            "rates": [1, "2.5", "1.0"],
            "address": {"city": "Paris", "host": None, "box": {"size": 3, "fee": "0.5"}},
            "labels": ["b", "a", "b"],
            "readers": ["bob", "alice"],
            "visibility": "internal",
            "retain_until": "2027-01-01T00:00:00.5+01:00",
            "review_every": "90m",
            "from": "::ffff:10.1.2.3",
            "networks": ["10.0.0.0/8", "2001:db8::/32"],
        },
        ["inbox"],
    )


def test_a_row_comes_back_as_the_values_that_were_written(kept: Kept) -> None:
    with kept.store.snapshot(SCHEMA) as snapshot:
        row = snapshot.rows([PLAN])[PLAN]
    assert row.parents == (INBOX,)
    assert dict(row.attributes) == {
        "tenant": T1,
        "owner": ALICE,
        "level": -(2**53 - 1),
        "price": 125_000,
        "rates": frozenset({10_000, 25_000}),
        "address": Record({"city": "Paris", "host": ABSENT, "box": Record({"size": 3, "fee": 5_000})}),
        "labels": frozenset({"a", "b"}),
        "readers": frozenset({ALICE, BOB}),
        "visibility": "internal",
        "retain_until": 1798758000500,
        "review_every": 90 * 60_000,
        "from": Ip.parse("10.1.2.3"),
        "networks": frozenset({Network.parse("10.0.0.0/8"), Network.parse("2001:db8::/32")}),
        "intent": row.attributes["intent"],
    }
    assert row.attributes["intent"] is OPTIONAL_NOT_GIVEN


def test_what_is_not_set_is_a_gap_of_its_kind(kept: Kept) -> None:
    with kept.store.snapshot(SCHEMA) as snapshot:
        cells = snapshot.rows([BOB])[BOB].attributes
    assert cells["department"] is ABSENT
    assert cells["suspended"] is UNSET
    assert cells["email"] is OPTIONAL_NOT_GIVEN
    assert cells["clearance"] == 1


def test_only_what_is_there_is_answered(kept: Kept) -> None:
    with kept.store.snapshot(SCHEMA) as snapshot:
        assert set(snapshot.rows([PLAN, NOBODY, ALICE, ALICE])) == {PLAN, ALICE}
        assert snapshot.rows([]) == {}
        assert snapshot.ancestry([]) == {}
        assert snapshot.assignments([ALICE]) == []
        assert snapshot.links([], None) == []


def test_ids_are_equal_only_if_identical(kept: Kept) -> None:
    odd = [
        Ref("Tenant", text)
        for text in ("T1", "t1 ", "é", "e\u0301", 'q"\\', "a:b", "'; --", "ẞ", "ß", "😀", "%s", ":x")
    ]
    for ref in odd:
        kept.writer.put(ref, {})
    with kept.store.snapshot(SCHEMA) as snapshot:
        assert set(snapshot.rows([*odd, T1])) == {*odd, T1}
        assert set(snapshot.rows([Ref("Tenant", "É"), Ref("Tenant", "e")])) == set()


def test_ancestry_goes_all_the_way_up(kept: Kept) -> None:
    with kept.store.snapshot(SCHEMA) as snapshot:
        assert snapshot.ancestry([ALICE, PLAN, NOBODY]) == {
            ALICE: (LEGAL,),
            LEGAL: (STAFF,),
            STAFF: (),
            PLAN: (INBOX,),
            INBOX: (ROOT,),
            ROOT: (),
        }


def test_assignments_are_found_by_subject_and_by_place_expired_ones_too(kept: Kept) -> None:
    kept.writer.assign({"type": "User", "id": "alice"}, "docs.viewer", "t1", LONG_AGO)
    kept.writer.assign({"type": "Team", "id": "legal"}, "docs.auditor")
    at_t1 = Assignment(ALICE, "docs.viewer", T1, 1577836800000)
    globally = Assignment(LEGAL, "docs.auditor", None, None)
    with kept.store.snapshot(SCHEMA) as snapshot:
        assert set(snapshot.assignments([ALICE, LEGAL, BOB])) == {at_t1, globally}
        assert snapshot.assignments([ALICE, ALICE]) == [at_t1]
        assert snapshot.assignments_at([T1]) == [at_t1]
        assert snapshot.assignments_at([None]) == [globally]
        assert set(snapshot.assignments_at([None, T1])) == {at_t1, globally}


def test_links_are_found_by_their_end_and_by_subject(kept: Kept) -> None:
    kept.writer.relate("d1", "docs.collaborator", {"type": "User", "id": "bob"}, LONG_AGO)
    kept.writer.relate("d1", "docs.collaborator", {"type": "Team", "id": "legal"})
    kept.writer.relate("inbox", "docs.watcher", "bob")
    bob = Link(PLAN, "docs.collaborator", BOB, 1577836800000)
    legal = Link(PLAN, "docs.collaborator", LEGAL, None)
    watches = Link(INBOX, "docs.watcher", BOB, None)
    ends = [(PLAN, "docs.collaborator"), (INBOX, "docs.watcher")]
    with kept.store.snapshot(SCHEMA) as snapshot:
        assert set(snapshot.links(ends, None)) == {bob, legal, watches}
        assert set(snapshot.links(ends, [BOB])) == {bob, watches}
        assert snapshot.links([(PLAN, "docs.watcher")], None) == []
        assert snapshot.links(ends, []) == []


def test_a_batch_of_ten_thousand_keys_is_one_statement_like_any(kept: Kept) -> None:
    keys = [Ref("User", f"u{number}") for number in range(10_000)]
    with kept.store.snapshot(SCHEMA) as snapshot:
        assert set(snapshot.rows([*keys, ALICE])) == {ALICE}
        assert set(snapshot.ancestry([*keys, ALICE])) == {ALICE, LEGAL, STAFF}
        assert snapshot.assignments(keys) == []
