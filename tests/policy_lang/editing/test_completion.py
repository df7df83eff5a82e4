"""Law: what is offered at a place fits there, in text that is not finished too."""

import pytest

from policy_lang.editing.completion import complete
from policy_lang.editing.names import Kind
from tests.policy_lang.editing.places import example, project

MARK = "‸"
ON_DOCUMENT = "rule x: allow read on Document"
TESTED = 'test "x" { principal alice resource plan'


def offered(text: str) -> list[str]:
    """What is offered at the mark in a file beside the example's."""
    at = text.index(MARK)
    found = example()
    with_new = found.with_texts({**found.texts, "new.policy": text.replace(MARK, "")})
    completion = complete(with_new, "new.policy", at)
    return [] if completion is None else [candidate.text for candidate in completion.candidates]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rule x: ‸", ["allow", "deny"]),
        ("rule x: allow ‸ on Folder to anyone", ["read", "share", "any", "granted"]),
        (f"{ON_DOCUMENT[:-8]}‸", ["Document", "Folder", "Route", "any"]),
        (f"{ON_DOCUMENT} to role ‸", ["admin", "auditor", "editor", "viewer", "in", "over"]),
        (f"{ON_DOCUMENT} to anyone when context.‸", ["ip", "mfa", "now"]),
        (f"{ON_DOCUMENT} to User when principal.‸", ["tenant", "department", "clearance", "suspended", "zone", "id"]),
        (f"{ON_DOCUMENT} to anyone when resource.folder.ow‸", ["tenant", "owner", "id"]),
        ("role x on Tenant { Document: read; ‸", ["Document", "Folder", "Route"]),
        ("role x on Tenant { Folder: ‸", ["read", "share"]),
        ("role x on Tenant includes ‸", ["admin", "auditor", "editor", "viewer"]),
        ("group g on Folder = ‸", ["read", "share"]),
        ('fixture f = Folder "x" { tenant: Tenant "t", ‸', ["owner"]),
        ('fixture f = Document "x" { visibility: ‸', ["private", "internal", "public", "false", "true"]),
        ('test "x" { ‸', ["context", "expect", "given", "matrix", "principal", "resource"]),
        (f"{TESTED} context {{ ‸", ["ip", "mfa", "now"]),
        (f"{TESTED} expect deny ‸", ["create", "read", "comment", "edit", "share", "delete", "export", "write"]),
        ('test "x" { given alice is ‸', ["admin", "auditor", "editor", "viewer", "collaborator"]),
        ('rule x: allow read on Document reason "a ‸', []),
        ('rule x: allow read on Folder reason "in {resource.ow‸', ["tenant", "owner", "id"]),
        (
            'rule x: allow read on Folder reason "in {‸',
            ["principal", "resource", "context", "business_hours", "same_tenant"],
        ),
        ("rule x: allow read on Document  # ‸", []),
        ("rule x: on on on ‸", []),
    ],
)
def test_exactly_what_fits_is_offered(text: str, expected: list[str]) -> None:
    assert offered(f"module docs\n{text}") == expected


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (f"{ON_DOCUMENT} to ‸", ["collaborator", "folder_owner", "owner", "Document"]),
        (f"{ON_DOCUMENT} to anyone when ‸", ["principal", "resource", "context", "business_hours", "same_tenant"]),
        (f"{ON_DOCUMENT} to anyone when resource.visibility == ‸", ["private", "internal", "public", "principal"]),
        (f"{ON_DOCUMENT} to anyone when resource.visibility in [public, ‸", ["private", "internal", "public"]),
        (f"{ON_DOCUMENT} to anyone when not (has resource.folder and hour(‸", ["principal", "resource", "context"]),
        (f"{ON_DOCUMENT} to anyone when principal is ‸", ["Document", "Folder", "Route", "Service"]),
        ("rule x: deny read on Document when true code ‸", ["ACCOUNT_SUSPENDED", "ALLOWED"]),
        ("type X { a: ‸", ["bool", "int", "decimal", "string"]),
        ("type X in ‸", ["Document", "Folder"]),
        ('fixture f = Document "x" { owner: ‸', ["alice", "bob", "carol", "erin", "User"]),
        (f"{TESTED} expect allow read by ‸", ["by_role", "eu_data"]),
        ("let x = docs.‸", ["admin", "alice", "auditor", "bob"]),
        ("let x = docs.own‸", ["admin", "alice", "auditor", "bob"]),
    ],
)
def test_what_fits_best_comes_first(text: str, first: list[str]) -> None:
    assert offered(f"module docs\n{text}")[: len(first)] == first


def test_an_empty_file_begins_with_its_module() -> None:
    assert offered(MARK) == ["module"]


def test_the_words_of_a_next_statement_are_for_a_line_of_its_own() -> None:
    assert "let" not in offered(f"module docs\n{ON_DOCUMENT} to owner {MARK}")
    assert {"let", "when", "reason"} <= set(offered(f"module docs\n{ON_DOCUMENT} to owner\n{MARK}"))


def test_a_name_of_another_module_is_offered_with_its_module() -> None:
    found = project(
        a="module a\nprincipal type User {}\nactions User { see }\nlet fine = true\n",
        b="module b\nrule r: allow see on User to anyone when f\n",
    )
    completion = complete(found, "b.policy", len(found.texts["b.policy"]) - 1)
    assert completion is not None
    assert [found.text for found in completion.candidates if found.kind is Kind.LET] == ["a.fine"]
    assert completion.start == len(found.texts["b.policy"]) - 2


PATHS = ["types.policy", "roles.policy", "rules.policy", "tests.policy"]


@pytest.mark.parametrize("path", PATHS)
def test_a_file_may_be_cut_off_anywhere(path: str) -> None:
    found = example()
    text = found.texts[path]
    for at in range(0, len(text), len(text) // 40):
        completion = complete(found.with_texts({**found.texts, path: text[:at]}), path, at)
        assert completion is None or completion.start <= at


@pytest.mark.parametrize("path", PATHS)
def test_where_a_name_is_used_it_is_among_what_is_offered(path: str) -> None:
    found = example()
    missing = []
    for name in found.index.occurrences(path):
        completion = None if name.is_declaration else complete(found, path, name.span.start)
        known = {candidate.text for candidate in completion.candidates} if completion else {name.span.text}
        if name.span.text not in known:
            missing.append(f"{name.span.text} in {name.span.location}")
    assert missing == []
