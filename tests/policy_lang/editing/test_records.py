"""Law: the fields of records are names like attributes, wherever the record stands."""

import pytest

from policy_lang.editing.completion import complete
from policy_lang.editing.hover import hover
from policy_lang.editing.rename import rename
from tests.policy_lang.editing.places import place, project

TEXT = """module a
principal type User { home: { city: string, at: { street: string, zip: string? }? } }
context { from: { city: string } }
actions User { see }
let where = resource.home
rule r: allow see on User to anyone when where.city == "x" and resource.home.city == context.from.city
fixture alice = User "alice" { home: { city: "x", at: { street: "y" } } }
"""


def test_a_field_is_renamed_wherever_its_record_is_reached() -> None:
    found = project(a=TEXT)
    after = rename(found, "a.policy", place(found, "a.policy", "home: { ", "city: string, at"), "town").apply(
        found.texts
    )
    expected = TEXT.replace("city: string, at", "town: string, at").replace("where.city", "where.town")
    assert after["a.policy"] == expected.replace("home.city", "home.town").replace('{ city: "x"', '{ town: "x"')


def test_a_field_of_the_context_is_another() -> None:
    found = project(a=TEXT)
    after = rename(found, "a.policy", place(found, "a.policy", "context.from.", "city"), "town").apply(found.texts)
    assert after["a.policy"] == TEXT.replace("from: { city", "from: { town").replace("from.city", "from.town")


def test_over_a_field_stands_its_way_and_type() -> None:
    found = project(a=TEXT)
    over = hover(found, "a.policy", place(found, "a.policy", "street: string, ", "zip"))
    assert over is not None
    assert over.markdown == "```policy\nUser.home.at.zip: string?\n```\n\nStored, optional."


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("resource.home.", ["city", "at"]),
        ("where.", ["city", "at"]),
        ("context.from.", ["city"]),
        ('User "alice" { home: { city: "x", ', ["at"]),
        ('home: { city: "x", at: { ', ["street", "zip"]),
    ],
)
def test_the_fields_of_a_record_are_offered(before: str, expected: list[str]) -> None:
    found = project(a=TEXT)
    at = place(found, "a.policy", before)
    completion = complete(found, "a.policy", at)
    assert completion is not None
    assert [candidate.text for candidate in completion.candidates] == expected
