"""Bundles differ by what they say, never by how it is written."""

import pytest

from policy_lang import loading
from policy_lang.reviewing.changes import Change, changes

BEFORE = """
module m
principal type User { level: int, suspended: bool }
type Document { owner: User, level: int, kind: enum(memo, plan) }
actions Document { read, edit }
role reader on Document { Document: read }
role writer on Document includes reader { Document: edit }
let is_owner = resource.owner == principal
rule own: allow read, edit on Document to anyone when is_owner and not principal.suspended
rule cleared: allow read on Document to role reader in resource when principal.level >= resource.level
rule suspended: deny any on Document when principal.suspended reason "suspended" code SUSPENDED
"""


def changed(old: str, new: str) -> list[str]:
    """What of each item, and how, where one text stands for another."""
    assert old in BEFORE
    return [f"{change.how.value} {change.item}" for change in difference(BEFORE.replace(old, new))]


def difference(after: str, before: str = BEFORE) -> tuple[Change, ...]:
    """What changes between two texts."""
    old, new = (loading.load({"m.policy": text}).program for text in (before, after))
    return changes(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("is_owner and not principal.suspended", "not principal.suspended and is_owner"),
        ("when is_owner and not principal.suspended", "when is_owner when not principal.suspended when is_owner"),
        ("allow read, edit on Document to anyone", "allow edit, read on Document\n  to anyone # both\n"),
        ("when is_owner and", "when resource.owner == principal and"),
        ("rule suspended", "fixture ann = User \"ann\" { level: 1 }\nrule suspended"),
        ("level: int, suspended: bool", "suspended: bool, level: int"),
    ],
    ids=["order", "clauses", "layout", "let", "fixture", "attributes"],
)  # fmt: skip
def test_what_says_the_same_is_no_change(old: str, new: str) -> None:
    assert changed(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (">= resource.level", "> resource.level", ["changed rule m.cleared"]),
        ('"suspended" code', '"a suspended account" code', ["changed rule m.suspended"]),
        ("let is_owner = ", "let is_owner = resource.kind == memo and ", ["changed rule m.own"]),
        ("rule suspended: deny", "shadow rule suspended: deny", ["changed rule m.suspended"]),
        ("rule cleared:", "rule known:", ["removed rule m.cleared", "added rule m.known"]),
        ("includes reader { Document: edit }", "{ Document: edit }", ["changed role m.writer"]),
        ("owner: User, level", "owner: User?, level", ["changed type Document"]),
        ("kind: enum(memo, plan)", "kind: enum(memo, plan, note)", ["changed type Document"]),
    ],
)
def test_what_says_something_else_is_a_change(old: str, new: str, expected: list[str]) -> None:
    assert sorted(changed(old, new)) == sorted(expected)


def test_a_new_action_changes_what_any_means() -> None:
    assert changed("actions Document { read, edit }", "actions Document { read, edit, share }") == [
        "changed actions Document",
        "changed rule m.suspended",
    ]


def test_a_diff_shows_the_lines_that_differ_among_those_that_stay() -> None:
    (change,) = difference(BEFORE.replace(">= resource.level", "> resource.level"))
    assert change.diff == (
        "  rule m.cleared: allow read on Document",
        "    to role m.reader in resource",
        "-   when principal.level >= resource.level",
        "+   when principal.level > resource.level",
    )


def test_strings_are_shown_as_policy_text_writes_them() -> None:
    text = BEFORE.replace('reason "suspended"', r'reason "a \"b\" \\ \u0007"')
    (change,) = difference(text)
    assert change.diff[-3:] == (
        '-   reason "suspended"',
        r'+   reason "a \"b\" \\ \u0007"',
        "    code SUSPENDED",
    )
