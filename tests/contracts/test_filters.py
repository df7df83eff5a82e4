"""What filters of lists keep, on every kind of database; dirty rows among them."""

from collections.abc import Mapping
from typing import Final

import pytest
from sqlalchemy import insert, select

from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.facts_tables import entity
from service.entities.filters import Comparison, Filter, conditions, of_tenant
from service.errors import InvalidRequest
from tests.contracts.documents import SCHEMA

STORED: Final[Mapping[str, Json]] = {
    "whole": {
        "address": {"box": {"size": 3}, "city": "Paris"},
        "labels": ["a", "b"],
        "level": 5,
        "owner": "User:alice",
        "price": 125_000,
        "readers": ["User:alice", "User:bob"],
        "retain_until": 1_800_000_000_000,
        "tenant": "Tenant:t1",
        "visibility": "public",
    },
    "other": {
        "address": {"box": {"size": 4}, "city": 'L"A'},
        "labels": [],
        "level": -7,
        "owner": "Team:alice",
        "price": 5_000,
        "tenant": "Tenant:t2",
        "visibility": "private",
    },
    "empty": {},
    "nulls": {"level": None, "owner": None, "labels": None, "tenant": None},
    "dirty": {
        "address": "Paris",
        "labels": "a",
        "level": "5",
        "owner": ["User:alice"],
        "price": True,
        "tenant": {"Tenant": "t1"},
    },
    "dirtier": {"address": ["city"], "labels": {"a": "a"}, "level": 5.5, "owner": 5, "price": [125_000], "tenant": 1},
    "nearly": {"level": 5.0},
    "no object": ["level", 5],
}
EQUAL, NOT_EQUAL, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL, CONTAINS, SET, NOT_SET = Comparison
KEPT: Final[list[tuple[Filter, set[str]]]] = [
    (Filter("level", EQUAL, 5), {"whole"}),
    (Filter("level", EQUAL, 6), set()),
    (Filter("level", NOT_EQUAL, 5), {"other"}),
    (Filter("level", LESS, 5), {"other"}),
    (Filter("level", LESS_OR_EQUAL, 5), {"whole", "other"}),
    (Filter("level", GREATER, -8), {"whole", "other"}),
    (Filter("level", GREATER_OR_EQUAL, 5), {"whole"}),
    (Filter("level", SET), {"whole", "other", "dirty", "dirtier", "nearly"}),
    (Filter("level", NOT_SET), {"empty", "nulls", "no object"}),
    (Filter("price", EQUAL, "12.50"), {"whole"}),
    (Filter("price", GREATER, "0.5"), {"whole"}),
    (Filter("retain_until", LESS, "2027-01-15T08:00:00.001Z"), {"whole"}),
    (Filter("retain_until", LESS, "2027-01-15T08:00:00Z"), set()),
    (Filter("owner", EQUAL, {"type": "User", "id": "alice"}), {"whole"}),
    (Filter("owner", NOT_EQUAL, {"type": "User", "id": "alice"}), {"other"}),
    (Filter("visibility", EQUAL, "public"), {"whole"}),
    (Filter("labels", CONTAINS, "a"), {"whole"}),
    (Filter("labels", CONTAINS, "c"), set()),
    (Filter("readers", CONTAINS, "bob"), {"whole"}),
    (Filter("address.city", EQUAL, "Paris"), {"whole"}),
    (Filter("address.city", EQUAL, 'L"A'), {"other"}),
    (Filter("address.box.size", GREATER, 3), {"other"}),
    (Filter("address.box.fee", NOT_SET), set(STORED)),
]


def _id(each: Filter) -> str:
    return f"{each.attribute} {each.comparison.value} {each.value}"


@pytest.fixture
def stored(facts: Database) -> Database:
    """The documents, clean and dirty, and one of another type that holds the same."""
    rows = [{"type": "Document", "id": id_, "attributes": held} for id_, held in STORED.items()]
    with facts.write() as connection:
        connection.execute(insert(entity), [*rows, {"type": "Folder", "id": "f", "attributes": STORED["whole"]}])
    return facts


def test_a_filter_keeps_what_the_law_says(stored: Database) -> None:
    with stored.read() as connection:
        for each, expected in KEPT:
            held = select(entity.c.id).where(entity.c.type == "Document", *conditions(SCHEMA, "Document", [each]))
            assert set(connection.execute(held).scalars()) == expected, _id(each)


def test_all_filters_hold_together(stored: Database) -> None:
    both = [Filter("level", GREATER, 0), Filter("labels", CONTAINS, "b")]
    with stored.read() as connection:
        held = select(entity.c.id).where(entity.c.type == "Document", *conditions(SCHEMA, "Document", both))
        assert list(connection.execute(held).scalars()) == ["whole"]


def test_what_is_of_a_tenant_is_told_by_the_one_attribute_and_of_itself_by_its_id(stored: Database) -> None:
    with stored.write() as connection:
        connection.execute(insert(entity), [{"type": "Tenant", "id": id_, "attributes": {}} for id_ in ("t1", "t2")])
    expected = {"Document": {"whole"}, "Tenant": {"t1"}, "Folder": set(), "Nothing": set()}
    with stored.read() as connection:
        for type_, ids in expected.items():
            held = select(entity.c.id).where(entity.c.type == type_, of_tenant(SCHEMA, type_, Ref("Tenant", "t1")))
            assert set(connection.execute(held).scalars()) == ids, type_


FAULTS: Final[list[tuple[Filter, str]]] = [
    (Filter("levle", EQUAL, 5), "`levle`: no stored attribute of `Document`; did you mean `level`?"),
    (Filter("intent", EQUAL, "x"), "`intent`: no stored attribute of `Document`"),
    (Filter("level", EQUAL, "5"), "`level`: expected a whole number"),
    (Filter("level", EQUAL), "`level`: expected a value, of int"),
    (Filter("visibility", LESS, "public"), "`visibility`: enum(private, internal, public) has no order"),
    (Filter("visibility", EQUAL, "pubic"), "`visibility`: expected one of private, internal, public"),
    (Filter("labels", EQUAL, ["a"]), "`labels`: `==` is not for set<string>"),
    (Filter("level", CONTAINS, 5), "`level`: `contains` is for sets, and this is int"),
    (Filter("owner", EQUAL, "alice"), '`owner`: expected {"type": …, "id": …}, as it may be User | Team'),
    (Filter("address", NOT_EQUAL, {}), "`address`: `!=` is not for"),
    (Filter("address.street", SET), "`address.street`: no field `street` in"),
    (Filter("level.x", SET), "`level.x`: no field `x` in int"),
]


@pytest.mark.parametrize(("faulty", "said"), FAULTS, ids=[_id(each) for each, _ in FAULTS])
def test_a_filter_that_means_nothing_is_named_with_what_it_should_be(faulty: Filter, said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        conditions(SCHEMA, "Document", [Filter("level", EQUAL, 5), faulty])
    (violation,) = refused.value.violations
    assert violation.field == "filters[1]"
    assert violation.message.startswith(said)


def test_filters_of_a_type_without_rows_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="no type `Documnet` has rows; did you mean `Document`"):
        conditions(SCHEMA, "Documnet", [Filter("level", SET)])
    with pytest.raises(InvalidRequest, match="no type `Route` has rows"):
        conditions(SCHEMA, "Route", [Filter("path", SET)])


HOSTILE: Final = ("'; DROP TABLE entity; --", 'a"b', "$.x", "{a,b}", "%s", ":x", "\\", "x' OR '1'='1")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_values_are_values_and_hostile_names_are_unknown(stored: Database, text: str) -> None:
    with stored.write() as connection:
        connection.execute(
            insert(entity).values(
                type="Document", id="hostile", attributes={"labels": [text], "address": {"city": text}}
            )
        )
    for each in (Filter("labels", CONTAINS, text), Filter("address.city", EQUAL, text)):
        with stored.read() as connection:
            held = select(entity.c.id).where(entity.c.type == "Document", *conditions(SCHEMA, "Document", [each]))
            assert list(connection.execute(held).scalars()) == ["hostile"]
    with pytest.raises(InvalidRequest):
        conditions(SCHEMA, "Document", [Filter(text, SET)])
