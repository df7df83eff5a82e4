"""Law: a decimal has at most 4 places and is exact everywhere; an int literal, and nothing else, may stand for one."""

import pytest

from policy_lang.forms import read_given, read_stored, write_given, write_stored
from policy_lang.notation import BadValue, format_decimal, parse_decimal
from policy_lang.typed import Compare, Comparison, Condition, Constant, InList, InRange, InSet, Overlap, Path, Root, Sum
from policy_lang.types import DecimalType, IntType, Json, SetType
from tests.policy_lang.source_text import bundle, codes, rule

DECIMAL = DecimalType()
PRICE = Path(Root.RESOURCE, ("price",), DECIMAL)
BUDGET = Path(Root.PRINCIPAL, ("budget",), DECIMAL)


def _condition(written: str) -> Condition:
    return rule(f"rule r: allow read on Document to User when {written}").clauses[1].condition


def number(scaled: int) -> Constant:
    return Constant(scaled, DECIMAL)


@pytest.mark.parametrize(
    ("text", "scaled", "shortest"),
    [
        ("12.5", 125_000, "12.5"),
        ("-12.5000", -125_000, "-12.5"),
        ("0.0001", 1, "0.0001"),
        ("-0", 0, "0"),
        ("7", 70_000, "7"),
        ("900719925474.0991", 2**53 - 1, "900719925474.0991"),
    ],
)
def test_a_decimal_is_whole_ten_thousandths(text: str, scaled: int, shortest: str) -> None:
    assert parse_decimal(text) == scaled
    assert format_decimal(scaled) == shortest
    assert write_given(DECIMAL, scaled) == shortest
    assert read_stored(DECIMAL, write_stored(DECIMAL, scaled)) == scaled


@pytest.mark.parametrize("given", ["1.00001", "1.", ".5", "1e3", "+1", " 1", "1 ", "", "٣", "900719925474.0992", "NaN"])
def test_what_is_not_exact_or_too_large_is_refused(given: str) -> None:
    with pytest.raises(BadValue):
        parse_decimal(given)


@pytest.mark.parametrize("given", [12.5, True, None, 2**53, ["1"]])
def test_floats_are_never_decimals(given: Json) -> None:
    with pytest.raises(BadValue):
        read_given(DECIMAL, given)


def test_equal_sets_are_stored_as_equal_bytes() -> None:
    type_ = SetType(DECIMAL)
    one: list[Json] = ["2.5", "10"]
    other: list[Json] = [10, "2.50", "10.0"]
    stored = [write_stored(type_, read_given(type_, given)) for given in (one, other)]
    assert stored == [[100_000, 25_000]] * 2


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("resource.price > 12.5", Compare(Comparison.GT, PRICE, number(125_000))),
        ("3 <= resource.price", Compare(Comparison.LE, number(30_000), PRICE)),
        ("resource.price == -1", Compare(Comparison.EQ, PRICE, number(-10_000))),
        ("1 != 2.5", Compare(Comparison.NE, number(10_000), number(25_000))),
        (
            "resource.price + 1 < 100 - principal.budget",
            Compare(
                Comparison.LT,
                Sum(False, PRICE, number(10_000), DECIMAL),
                Sum(True, number(1_000_000), BUDGET, DECIMAL),
            ),
        ),
        ("resource.price in 1..2.5", InRange(PRICE, number(10_000), number(25_000))),
        ("5 in 1..principal.budget", InRange(number(50_000), number(10_000), BUDGET)),
        ("resource.price in [1, 2.5]", InList(PRICE, (number(10_000), number(25_000)))),
        ("1 in [2, resource.price]", InList(number(10_000), (number(20_000), PRICE))),
        (
            "3 in resource.rates",
            InSet(number(30_000), Path(Root.RESOURCE, ("rates",), SetType(DECIMAL))),
        ),
    ],
)
def test_an_int_literal_beside_a_decimal_is_one(written: str, expected: object) -> None:
    assert _condition(written) == expected


def test_an_int_literal_in_a_list_beside_a_set_of_decimals_is_one() -> None:
    found = _condition("resource.rates any in [1, 2.5]")
    assert isinstance(found, Overlap)
    assert found.among == (number(10_000), number(25_000))


def test_an_int_stays_one_beside_ints() -> None:
    found = _condition("resource.level in [1, 2]")
    assert found == InList(Path(Root.RESOURCE, ("level",), IntType()), (Constant(1, IntType()), Constant(2, IntType())))


@pytest.mark.parametrize(
    "written",
    [
        "resource.price == resource.level",
        "resource.price + resource.level > 1",
        "resource.level > 1.5",
        'resource.price == "12.5"',
        "resource.level in [1, 1.5]",
        "1 in [resource.level, resource.price]",
        "resource.level in 1..resource.price",
        "resource.price < 1 + 1",
        "resource.rates any in resource.labels",
    ],
)
def test_decimals_mix_with_nothing_else(written: str) -> None:
    assert codes(f"rule r: allow read on Document to User when {written}") == ["E301"]


@pytest.mark.parametrize("written", ["1.23456", "900719925474.0992", "9999999999999"])
def test_a_literal_that_is_no_decimal_is_refused(written: str) -> None:
    assert codes(f"rule r: allow read on Document to User when resource.price == {written}") == ["E103"]


def test_fixtures_write_decimals_as_rules_do() -> None:
    (case,) = bundle(
        'fixture plan = Document "plan" { price: 12.5, rates: [1, 2.5, "0.1"] }\n'
        'rule r: allow read on Document to anyone\ntest "t" { context { now: 2026-01-05T10:00:00Z }'
        ' principal User "u" resource plan expect allow read }'
    ).program.tests
    cells = case.resource.cells or {}
    assert (cells["price"], cells["rates"]) == (125_000, frozenset({10_000, 25_000, 1_000}))
