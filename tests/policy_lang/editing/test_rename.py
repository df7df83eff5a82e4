"""Laws: a rename changes names and nothing else, the bundle means what it meant, and what cannot be is refused."""

from pathlib import Path

import pytest

from policy_lang.editing.names import GIVEN
from policy_lang.editing.rename import CannotRename, rename
from tests.policy_lang.editing.places import FOLDERS, example, place, project


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.parent.name for folder in FOLDERS])
def test_every_twentieth_name_of_an_example_can_be_renamed_and_back(folder: Path) -> None:
    found = example(folder.parent.name)
    names = {
        name.symbols: name
        for path in found.readings
        for name in found.index.occurrences(path)
        if all(meant.kind not in GIVEN for meant in name.symbols)
    }
    for name in list(names.values())[::20]:
        path, at = name.span.file.path, found.index.occurrences(name.span.file.path).index(name)
        after = found.with_texts(rename(found, path, name.span.start, "renamed").apply(found.texts))
        assert not any(after.faults.values())
        back = rename(after, path, after.index.occurrences(path)[at].span.start, name.span.text)
        assert back.apply(after.texts) == found.texts


def test_a_rename_reaches_other_files_and_leaves_comments_and_strings() -> None:
    found = project(
        a="module a\nprincipal type User { boss: User? }  # boss\nactions User { see }\n",
        b='module b\nrule r: allow see on User to anyone when has resource.boss reason "boss"  # boss\n',
    )
    after = rename(found, "a.policy", place(found, "a.policy", "{ ", "boss:"), "chief").apply(found.texts)
    assert after == {
        "a.policy": "module a\nprincipal type User { chief: User? }  # boss\nactions User { see }\n",
        "b.policy": 'module b\nrule r: allow see on User to anyone when has resource.chief reason "boss"  # boss\n',
    }


def test_a_fixture_may_be_called_like_a_member() -> None:
    found = project(
        a="module a\nprincipal type User { boss: User?, grade: enum(alice, bob) }\nactions User { see }\n"
        'fixture alice = User "a" { grade: alice }\nfixture bob = User "b" { boss: alice, grade: alice }\n',
    )
    after = rename(found, "a.policy", place(found, "a.policy", "enum(", "alice"), "first").apply(found.texts)
    assert after["a.policy"].splitlines()[1:] == [
        "principal type User { boss: User?, grade: enum(first, bob) }",
        "actions User { see }",
        'fixture alice = User "a" { grade: first }',
        'fixture bob = User "b" { boss: alice, grade: first }',
    ]


def test_what_a_reason_quotes_is_renamed() -> None:
    found = project(
        a="module a\nprincipal type User { region: string }\nactions User { see }\n"
        'rule r: allow see on User to anyone reason "region {resource.region}"\n',
    )
    after = rename(found, "a.policy", place(found, "a.policy", "{ ", "region:"), "area").apply(found.texts)
    assert after["a.policy"].splitlines()[-1].endswith('reason "region {resource.area}"')


def test_what_one_name_stands_for_together_is_renamed_together() -> None:
    text = (
        "module a\nprincipal type User {}\ntype A { owner: User }\ntype B { owner: User }\n"
        "actions A { read }\nactions B { read }\n"
        "rule r: allow read on A, B to anyone when resource.owner == principal\n"
    )
    found = project(a=text)
    after = rename(found, "a.policy", place(found, "a.policy", "type A { ", "owner"), "keeper").apply(found.texts)
    assert after == {"a.policy": text.replace("owner", "keeper")}


def test_an_enum_is_the_same_wherever_its_list_is_written() -> None:
    text = (
        "module a\nprincipal type User { grade: enum(junior, senior), best: enum(junior, senior) }\n"
        "actions User { see }\n"
        "rule r: allow see on User to anyone when resource.grade == principal.best and resource.grade in [junior]\n"
    )
    found = project(a=text)
    after = rename(found, "a.policy", place(found, "a.policy", "[", "junior"), "starter").apply(found.texts)
    assert after == {"a.policy": text.replace("junior", "starter")}


CASES = [
    ("let same_tenant", "1x", "`1x` is no name: a name has letters A–Z, digits and `_`, and begins with no digit"),
    ("let same_tenant", "né", "`né` is no name: a name has letters A–Z, digits and `_`, and begins with no digit"),
    ("let same_tenant", "principal", "`principal` has a meaning of its own"),
    ("let same_tenant", "when", "`when` has a meaning of its own"),
    ("let same_tenant", "public", "`public` is an enum member already (roles.policy:15)"),
    ("let same_tenant", "owner", "`owner` is a relation already (roles.policy:15)"),
    ("let same_tenant", "hour", "`hour` is a function already (roles.policy:15)"),
    ("role viewer", "admin", "role `admin` is declared twice (roles.policy:7)"),
]


@pytest.mark.parametrize(("where", "new", "why"), CASES, ids=[new for _, new, _ in CASES])
def test_a_name_that_is_invalid_reserved_or_taken_is_refused(where: str, new: str, why: str) -> None:
    found = example()
    before, _, word = where.partition(" ")
    with pytest.raises(CannotRename) as refused:
        rename(found, "roles.policy", place(found, "roles.policy", f"{before} ", word + " "), new)
    assert str(refused.value) == why


def test_a_name_of_the_language_keeps_its_name() -> None:
    found = example()
    with pytest.raises(CannotRename, match="`resource` belongs to the language"):
        rename(found, "rules.policy", place(found, "rules.policy", "when has ", "resource.retain"), "x")


def test_where_no_name_stands_nothing_is_renamed() -> None:
    found = example()
    with pytest.raises(CannotRename, match="there is no name here that a bundle declares"):
        rename(found, "rules.policy", 0, "x")


def test_a_name_that_would_be_captured_is_refused() -> None:
    """`b.level` names a let of module b; a let `b` here would come before the module."""
    found = project(
        a="module a\nprincipal type User { boss: User }\nactions User { see }\nlet chief = principal.boss\n"
        "rule r: allow see on User to anyone when chief == resource or b.boss == resource\n",
        b="module b\nlet boss = principal.boss\n",
    )
    with pytest.raises(CannotRename, match="`b` would change what"):
        rename(found, "a.policy", place(found, "a.policy", "let ", "chief"), "b")


def test_nothing_is_renamed_while_a_file_does_not_parse() -> None:
    found = project(a="module a\nprincipal type User {}\n", b="module b\nlet x =\n")
    with pytest.raises(CannotRename, match=r"`b\.policy` does not parse: names in it might be missed"):
        rename(found, "a.policy", place(found, "a.policy", "type ", "User"), "Person")
