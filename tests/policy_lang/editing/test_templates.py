"""Names in templates and uses: found, renamed and described like all others."""

import pytest

from policy_lang.editing.completion import complete
from policy_lang.editing.describe import describe
from policy_lang.editing.names import Kind, symbol
from policy_lang.editing.rename import rename
from policy_lang.linting.linter import check
from tests.policy_lang.editing.places import place, project

TEXT = """module a
tenant type Tenant {}
principal type User {}
type Paper { level: int, owner: User, tenant: Tenant, state: enum(draft, final) }
type Note { level: int }
actions Paper { read, edit }
actions Note { read }
role clerk on Tenant { Paper: edit }
let is_draft = resource.state == draft
template up_to(kinds: types, what: actions, most: int, stage: enum(draft, final), held: role): allow what on kinds
  to User, role held in resource.tenant
  when resource.level <= most and resource.state == stage and is_draft
  reason "up to {most}, of {resource.owner}"
  oblige log(most: most)
use low: up_to(kinds: Paper, what: [read, edit], most: 3, stage: draft, held: clerk)
"""


@pytest.mark.parametrize(
    ("before", "name", "count"),
    [
        ("template up_to(kinds: types, what: actions, ", "most", 5),
        ("allow what on ", "kinds", 3),
        ("use low: ", "up_to", 2),
        ("template ", "up_to", 2),
        ("role ", "held", 3),
        ("use ", "low", 1),
        ("let ", "is_draft", 2),
        ("type ", "Paper", 4),
        ("actions Paper { ", "read", 2),
        ("type Paper { ", "level", 2),
        ("role ", "clerk on", 2),
    ],
)
def test_a_rename_reaches_templates_and_their_uses(before: str, name: str, count: int) -> None:
    found = project(a=TEXT)
    renaming = rename(found, "a.policy", place(found, "a.policy", before, name), "renamed")
    assert len(renaming.spans) == count
    after = found.with_texts(renaming.apply(found.texts))
    assert not any(after.faults.values())
    assert after.texts["a.policy"].count("renamed") == count


def test_an_attribute_may_be_called_like_a_parameter() -> None:
    text = TEXT.replace("most", "level")
    found = project(a=text)
    renaming = rename(found, "a.policy", place(found, "a.policy", "resource.", "level <="), "rank")
    after = renaming.apply(found.texts)["a.policy"]
    assert after == text.replace("type Paper { level", "type Paper { rank").replace("resource.level", "resource.rank")


def test_where_a_name_is_used_it_is_among_what_is_offered() -> None:
    found = project(a=TEXT)
    missing = []
    for name in found.index.occurrences("a.policy"):
        completion = None if name.is_declaration else complete(found, "a.policy", name.span.start)
        known = {candidate.text for candidate in completion.candidates} if completion else {name.span.text}
        if name.span.text not in known:
            missing.append(f"{name.span.text} in {name.span.location}")
    assert missing == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("use x: ", ["up_to"]),
        (
            "template t(a: set<",
            [
                "bool",
                "int",
                "decimal",
                "string",
                "timestamp",
                "duration",
                "timezone",
                "ip",
                "network",
                "Note",
                "Paper",
                "Tenant",
                "User",
            ],
        ),
        ("use x: up_to(", ["kinds", "what", "most", "stage", "held"]),
        ("use x: up_to(held: ", ["clerk"]),
        ("use x: up_to(kinds: [Paper, ", ["Note", "Paper", "Tenant", "User"]),
        ("use x: up_to(what: ", ["read", "edit"]),
        ("use x: up_to(stage: ", ["draft", "final"]),
    ],
)
def test_exactly_what_fits_a_use_is_offered(text: str, expected: list[str]) -> None:
    found = project(a=TEXT, b=f"module a\n{text}")
    completion = complete(found, "b.policy", len(found.texts["b.policy"]))
    assert completion is not None
    assert [candidate.text for candidate in completion.candidates if candidate.kind is not None] == expected


def test_a_template_and_its_parameters_are_described() -> None:
    index = project(a=TEXT).index
    assert describe(symbol(Kind.TEMPLATE, "a.up_to"), index).signature == (
        "template a.up_to(kinds: types, what: actions, most: int, stage: enum(draft, final), held: role): "
        "allow what on kinds"
    )
    assert describe(symbol(Kind.PARAMETER, "a.up_to", "most"), index).signature == "most: int"
    assert describe(symbol(Kind.RULE, "a.low"), index).signature == "rule a.low: allow read, edit on Paper"


def test_what_a_template_uses_is_no_unused_name() -> None:
    codes = [each.code for each in check({"a.policy": TEXT}).diagnostics]
    assert not {"W301", "W303", "W308"} & set(codes)
