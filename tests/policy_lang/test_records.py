"""Law: a record is read field by field, each present, absent or broken of its own; none is a value."""

import pytest

from policy_lang.forms import read_cell, read_given, read_stored, write_given, write_stored
from policy_lang.notation import BadValue
from policy_lang.types import Field, IntType, Json, RecordType, RefType, SetType, StringType
from policy_lang.values import ABSENT, BAD_VALUE, NOT_GIVEN, OPTIONAL_NOT_GIVEN, UNSET, Cell, Record, Ref
from tests.policy_lang.law import BOB, World, judged
from tests.policy_lang.source_text import bundle, codes

BOX = RecordType((Field("size", IntType()), Field("tags", SetType(StringType()), is_optional=True)))
ADDRESS = RecordType((Field("city", StringType()), Field("host", RefType(("User",)), True), Field("box", BOX, True)))


def record(**cells: Cell) -> Record:
    return Record(cells)


PARIS = record(city="Paris", zip=ABSENT, host=BOB, box=record(size=3, fee=ABSENT))


def at(address: Cell) -> World:
    return World(document={"address": address})


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('resource.address.city == "Paris"', True),
        ("has resource.address", True),
        ("has resource.address.city", True),
        ("has resource.address.zip", False),
        ('(resource.address.zip ?? "none") == "none"', True),
        ("resource.address.box.size in 1..3", True),
        ("resource.address.host.clearance == 9", True),
        ("resource.address.host is User", True),
        ("has resource.address.box.fee", False),
        ("(resource.address.box.fee ?? 2.5) == 2.5", True),
        ("context.device.managed", True),
    ],
)
def test_a_path_leads_through_records(condition: str, expected: bool) -> None:
    world = World(document={"address": PARIS}, context={"device": record(managed=True, os=OPTIONAL_NOT_GIVEN)})
    assert judged(condition, world) == (expected, set())


@pytest.mark.parametrize(
    ("address", "has", "cause"),
    [
        pytest.param(ABSENT, False, "resource.address absent", id="record not set"),
        pytest.param(BAD_VALUE, None, "resource.address bad_value", id="no record"),
        pytest.param(record(city=UNSET), None, "resource.address.city absent", id="required field not set"),
        pytest.param(record(city=BAD_VALUE), None, "resource.address.city bad_value", id="field does not fit"),
    ],
)
def test_a_path_ends_at_the_field_that_failed(address: Cell, has: bool | None, cause: str) -> None:
    assert judged("has resource.address.city", at(address))[0] is has
    assert judged('resource.address.city == "Paris"', at(address)) == (None, {cause})


def test_a_broken_field_breaks_no_other() -> None:
    dirty = at(record(city=BAD_VALUE, zip="75001", host=ABSENT, box=BAD_VALUE))
    assert judged('resource.address.zip == "75001"', dirty) == (True, set())
    assert judged("has resource.address", dirty) == (True, set())
    assert judged("resource.address.box.size == 1", dirty) == (None, {"resource.address.box bad_value"})


def test_what_a_request_leaves_out_of_a_record_is_not_given() -> None:
    device = record(managed=NOT_GIVEN, os=OPTIONAL_NOT_GIVEN)
    world = World(context={"device": device})
    assert judged("context.device.managed", world) == (None, {"context.device.managed not_given"})
    assert judged("has context.device.os", world) == (False, set())
    world = World(context={"device": OPTIONAL_NOT_GIVEN})
    assert judged("context.device.managed", world) == (None, {"context.device not_given"})


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("resource.address == resource.owner", "E304"),
        ('(resource.address ?? "x") == "x"', "E304"),
        ("resource.address in resource.labels", "E304"),
        ('resource.address.town == "Paris"', "E203"),
        ('resource.address.city.name == "Paris"', "E304"),
        ("resource.address.host.boss.boss.boss.clearance > 1", "E407"),
    ],
)
def test_a_record_is_no_value(condition: str, code: str) -> None:
    assert codes(f"rule r: allow read on Document to anyone when {condition}") == [code]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('resource.address.city == "Paris"', ["E303"]),
        ('has resource.address and resource.address.city == "Paris"', []),
        ('has resource.address.zip and resource.address.zip == "75001"', []),
        ('has resource.address and resource.address.zip == "75001"', ["E303"]),
        ('(resource.address.city ?? "") == "Paris"', []),
    ],
)
def test_a_deny_over_a_record_is_definite(condition: str, expected: list[str]) -> None:
    assert codes(f"rule r: deny read on Document when {condition}") == expected


@pytest.mark.parametrize(
    ("declaration", "expected"),
    [
        ("type X { a: { id: string } }", ["E211"]),
        ("type X { a: { b: int, b: int } }", ["E210"]),
        ("type X { a: { b: int sensitive } }", ["E305"]),
        ("type X { a: { b: int from request } }", ["E305"]),
        ("type X { a: { b: { c: { d: { e: int } } } } }", []),
        ("type X { a: { b: { c: { d: { e: { f: int } } } } } }", ["E402"]),
        ("type X { a: set<{ b: int }> }", ["E101"]),
    ],
)
def test_declarations_of_records(declaration: str, expected: list[str]) -> None:
    assert codes(declaration) == expected


def test_fixtures_write_records() -> None:
    (case,) = bundle(
        'fixture plan = Document "plan" { address: { city: "Paris", host: User "bob", box: { size: 3, fee: 2 } } }\n'
        "rule r: allow read on Document to anyone\n"
        'test "t" { context { now: 2026-01-05T10:00:00Z } principal User "u" resource plan expect allow read }'
    ).program.tests
    found = (case.resource.cells or {})["address"]
    assert found == record(city="Paris", zip=ABSENT, host=BOB, box=record(size=3, fee=20_000))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ('address: "Paris"', ["E502"]),
        ("address: { town: 1 }", ["E203"]),
        ("address: { city: 1 }", ["E502"]),
        ("region: { city: 1 }", ["E502"]),
        ("labels: [{ city: 1 }]", ["E101"]),
    ],
)
def test_what_is_no_record_is_told(row: str, expected: list[str]) -> None:
    assert codes(f'fixture plan = Document "plan" {{ {row} }}') == expected


WRITTEN: dict[str, Json] = {"city": "Paris", "host": "bob", "box": {"tags": ["b", "a"], "size": 3}}


def test_a_record_is_stored_as_one_form() -> None:
    other: dict[str, Json] = {
        "box": {"size": 3, "tags": ["a", "b", "b"]},
        "host": {"type": "User", "id": "bob"},
        "city": "Paris",
    }
    stored = write_stored(ADDRESS, read_given(ADDRESS, WRITTEN))
    assert repr(stored) == "{'box': {'size': 3, 'tags': ['a', 'b']}, 'city': 'Paris', 'host': 'User:bob'}"
    assert repr(write_stored(ADDRESS, read_given(ADDRESS, other))) == repr(stored)
    again = write_given(ADDRESS, read_stored(ADDRESS, stored))
    assert again == {"box": {"size": 3, "tags": ["a", "b"]}, "city": "Paris", "host": {"type": "User", "id": "bob"}}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("Paris", "expected an object"),
        ({"town": "Paris"}, "no field `town`"),
        ({"city": 1}, "`city`: expected a string"),
        ({"city": "Paris", "box": {"size": "3"}}, "`box`: `size`: expected a whole number"),
    ],
)
def test_a_record_that_does_not_fit_is_refused_where_callers_write_one(given: Json, message: str) -> None:
    with pytest.raises(BadValue, match=message):
        read_given(ADDRESS, given)


def test_null_is_not_set() -> None:
    given: dict[str, Json] = {"city": "Paris", "host": None}
    assert read_given(ADDRESS, given) == record(city="Paris", host=ABSENT, box=ABSENT)


def test_of_what_nothing_held_to_its_type_only_the_bad_field_is_bad() -> None:
    dirty: dict[str, Json] = {"city": 7, "host": "User:bob", "box": {"size": 3, "new": 1}, "old": True}
    found = read_cell(ADDRESS, dirty, read_stored)
    assert found == record(city=BAD_VALUE, host=Ref("User", "bob"), box=record(size=3, tags=ABSENT))
    assert read_cell(ADDRESS, "Paris", read_stored) is BAD_VALUE
