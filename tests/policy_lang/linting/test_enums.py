"""A member of an enum is reported if it freezes what has it, and no rule says that it is to."""

import pytest

from policy_lang.linting.linter import check

DECLARATIONS = """module m
principal type User { admin: bool }
type Task { owner: User, state: enum(open, waiting, done) }
actions Task { read, edit }
"""
FROZEN = "W107: nothing is allowed on a `Task` while its `state` is `waiting`"
OPEN = "rule a: allow read, edit on Task to User when resource.state == open\n"


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ("rule b: allow read on Task to User when resource.state == done", [FROZEN]),
        ("rule b: allow read on Task to User when resource.state in [open, done]", [FROZEN]),
        ("rule b: allow read on Task to User when resource.state in [waiting, done]", []),
        ("rule b: allow read on Task to User when principal.admin", []),
        ("rule b: allow read on Task to User when resource.state == done or principal.admin", []),
        ("rule b: allow read on Task to User when resource.state != waiting", []),
        ("rule b: allow read on Task to User unless resource.state == waiting", []),
        ("rule b: allow read on Task to User when resource.state == done\n"
         "rule c: deny any on Task when resource.state == waiting", []),
        ("rule b: deny edit on Task when resource.state == open and not principal.admin", []),
        ("shadow rule b: allow read on Task to User when resource.state != open", []),
    ],
)  # fmt: skip
def test_a_member_that_rules_forgot_is_reported(rules: str, found: list[str]) -> None:
    diagnostics = check({"text.policy": DECLARATIONS + OPEN + rules}).diagnostics
    assert [
        f"{each.code}: {each.message}" for each in diagnostics if each.code[0] == "E" or each.code == "W107"
    ] == found
