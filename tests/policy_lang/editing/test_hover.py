"""Law: over a name stands what it is, with its type."""

import pytest

from policy_lang.editing.hover import hover
from tests.policy_lang.editing.places import example, place, project


def shown(path: str, before: str, word: str) -> str:
    """The Markdown over a word of the example."""
    found = hover(example(), path, place(example(), path, before, word))
    assert found is not None
    return found.markdown


CASES = [
    ("types.policy", "type ", "Folder in", "type Folder in Folder {\n  tenant: Tenant,\n  owner: User | Team,\n}", []),
    ("types.policy", "salary: ", "int", "int", ["A whole number within ±(2^53−1)."]),
    (
        "types.policy", "", "salary", "Document.salary: int?",
        ["Stored, optional, sensitive: never quoted, masked in the record."],
    ),
    ("rules.policy", "context.", "mfa", "context.mfa: bool?", ["From the request, optional."]),
    ("rules.policy", "visibility == ", "public", "public", ["One of `enum(private, internal, public)`."]),
    ("roles.policy", "has ", "resource.folder", "resource: Document", ["What the action is done to."]),
    ("roles.policy", "hour(context.", "now", "now: timestamp", ["The time of the request, set by the service."]),
    ("roles.policy", "= ", "hour", "hour(timestamp, timezone): int", []),
    (
        "roles.policy", "let ", "same_tenant",
        "let docs.same_tenant: bool = principal.tenant == resource.tenant", [],
    ),
    (
        "rules.policy", "to ", "collaborator", "relation docs.collaborator on Document: User, Team", ["Stored rows."],
    ),
    (
        "rules.policy", "to ", "owner, folder", "relation docs.owner on Document = resource.owner == principal",
        ["Computed."],
    ),
    (
        "rules.policy", "owner and role ", "editor",
        "role docs.editor on Tenant { Document: comment, create, edit, read, share; Folder: read }",
        ["Includes `docs.viewer`."],
    ),
    (
        "rules.policy", "allow read, ", "comment", "action comment on Document",
        ["In `write`.", "Granted by `docs.admin`, `docs.editor`."],
    ),
    ("rules.policy", "allow read, ", "write", "group write on Document = comment, edit", []),
    (
        "tests.policy", "expect allow read by ", "public_read",
        "rule docs.public_read: allow read on Document", [],
    ),
    ("tests.policy", "given ", "alice is admin of Tenant \"t1\" until", 'fixture docs.alice = User "alice"', []),
    ("rules.policy", "code ", "STEP_UP", "code STEP_UP", ["Of `docs.export_mfa`."]),
    ("rules.policy", "oblige ", "step_up", "oblige step_up", ["Of `docs.export_mfa`."]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "before", "word", "signature", "facts"), CASES, ids=[signature[:30] for *_, signature, _ in CASES]
)
def test_over_a_name_stands_what_it_is(path: str, before: str, word: str, signature: str, facts: list[str]) -> None:
    assert shown(path, before, word) == "\n\n".join([f"```policy\n{signature}\n```", *facts])


def test_a_name_of_several_things_shows_each() -> None:
    assert shown("roles.policy", "= principal.", "tenant") == (
        '```policy\nService.tenant: Tenant\n```\n\nFrom the token\'s claims "tid".\n\n'
        "```policy\nUser.tenant: Tenant\n```\n\nStored."
    )


def test_the_comment_above_a_declaration_is_shown_where_it_is_used() -> None:
    found = project(
        a="module a\nprincipal type User {}\nactions User { see }\n\n# One\n# two.\nlet fine = true\n"
        "rule r: allow see on User to anyone when fine\n"
    )
    over = hover(found, "a.policy", place(found, "a.policy", "when ", "fine"))
    assert over is not None
    assert over.markdown == "```policy\nlet a.fine: bool = true\n```\n\nOne\ntwo."


def test_over_no_name_stands_nothing() -> None:
    assert hover(example(), "rules.policy", 0) is None
