"""Law: every name in a sound bundle is known for what it stands for, wherever its declaration is."""

import re
from pathlib import Path

import pytest

from policy_lang.decision import RESERVED_CODES
from policy_lang.editing.names import Kind
from policy_lang.syntax.unfinished import keywords
from tests.policy_lang.editing.places import FOLDERS, example, place, project

WORD = re.compile(
    r'#[^\n]*|"(?:[^"\\\n]|\\.)*"|[0-9][0-9A-Za-z:.+-]*|[0-9A-Fa-f]*:[0-9A-Fa-f:]+|[A-Za-z_][A-Za-z0-9_]*'
)
PARAMETER = re.compile(r"oblige \w+\([^)]*\)")


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.parent.name for folder in FOLDERS])
def test_every_name_of_an_example_is_known(folder: Path) -> None:
    found = example(folder.parent.name)
    unknown = []
    for path, text in found.texts.items():
        named = {(name.span.start, name.span.end) for name in found.index.occurrences(path)}
        parameters = {at for match in PARAMETER.finditer(text) for at in range(*match.span())}
        for match in WORD.finditer(text):
            is_name = match[0].isidentifier() and match[0] not in {*keywords().values(), *RESERVED_CODES}
            if is_name and match.span() not in named and match.start() not in parameters:
                unknown.append(f"{path}: {match[0]} at {match.start()}")
    assert unknown == []


@pytest.mark.parametrize(
    ("path", "before", "word", "declared"),
    [
        ("rules.policy", "rule shared: allow read, comment on Document to ", "collaborator", "roles.policy:13"),
        ("rules.policy", "when principal is ", "User", "types.policy:8"),
        ("rules.policy", "resource.", "retain_until and", "types.policy:23"),
        ("rules.policy", "principal.", "clearance", "types.policy:8"),
        ("rules.policy", "resource.visibility == ", "public", "types.policy:21"),
        ("rules.policy", "context.", "mfa", "types.policy:30"),
        ("rules.policy", "rule owner_all: allow read, ", "write", "types.policy:36"),
        ("rules.policy", "owner and role ", "editor", "roles.policy:6"),
        ("tests.policy", "expect allow edit by by_role, ", "owner_all", "rules.policy:7"),
        ("roles.policy", "resource.folder and resource.folder.", "owner", "types.policy:12"),
    ],
)
def test_a_name_leads_to_its_declaration(path: str, before: str, word: str, declared: str) -> None:
    found = example()
    name = found.index.at(path, place(found, path, before, word))
    assert name is not None
    assert [found.span.location for found in found.index.declarations(name.symbols)] == [declared]


def test_a_name_in_a_rule_on_two_types_stands_for_what_both_have() -> None:
    found = project(
        a="module a\nprincipal type User {}\ntype A { owner: User }\ntype B { owner: User }\n"
        "actions A { read }\nactions B { read }\n"
        "rule r: allow read on A, B to anyone when resource.owner == principal\n"
    )
    name = found.index.at("a.policy", place(found, "a.policy", "when resource.", "owner"))
    assert name is not None
    assert {meant.way for meant in name.symbols} == {("A", "owner"), ("B", "owner")}


def test_what_stands_beside_a_broken_statement_is_known_all_the_same() -> None:
    found = project(
        a="module a\nprincipal type User { level: int }\nactions User { read }\n"
        "rule broken: allow read on User to anyone when resource.\n"
        "rule r: allow read on User to anyone when principal.level == 3\n"
    )
    name = found.index.at("a.policy", place(found, "a.policy", "when principal.", "level"))
    assert name is not None
    assert [meant.kind for meant in name.symbols] == [Kind.ATTRIBUTE]
    assert [findings[0].code for findings in found.faults.values()] == ["E101"]


def test_a_let_that_comes_back_to_itself_ends() -> None:
    found = project(a="module a\nprincipal type User {}\nlet x = y.a\nlet y = x.a\n")
    assert [name.span.text for name in found.index.occurrences("a.policy")] == ["a", "User", "x", "y", "y", "x"]


def test_a_name_that_lets_double_and_double_is_looked_at_once() -> None:
    lets = "\n".join(f"let a{number} = a{number + 1} + a{number + 1}" for number in range(60))
    found = project(a=f"module a\nprincipal type User {{}}\n{lets}\nlet a60 = 1\n")
    assert len(found.index.occurrences("a.policy")) == 2 + 61 + 120


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.parent.name for folder in FOLDERS])
def test_declarations_are_those_among_all_names(folder: Path) -> None:
    """What is found by looking only where a name may be declared is what looking everywhere finds."""
    index = example(folder.parent.name).index
    names = [name for file in index.files for name in index.occurrences(file.module.span.file.path)]
    for symbols in {name.symbols for name in names}:
        everywhere = [name for name in names if name.is_declaration and not symbols.isdisjoint(name.symbols)]
        found = index.declarations(symbols)
        assert {name.span for name in found} == {name.span for name in everywhere}
        assert all(meant.text == name.span.text for name in everywhere for meant in name.symbols)
