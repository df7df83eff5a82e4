"""`magistrate policy explain` decides by files alone, and shows how, as the service does."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from policy_lang.types import Json
from service.cli import main

POLICY = """\
module m
tenant type Tenant {}
principal type User { tenant: Tenant, level: int, pin: int? sensitive }
principal type Bot from token { tenant: Tenant from claim "tid" }
type Document { tenant: Tenant, owner: User, locked: bool, note: string? from request }
context { mfa: bool? }
actions Document { new create, read, edit }
role viewer on Tenant { Document: read }
role editor on Tenant includes viewer { Document: edit }
relation friend on Document: User
rule by_role: allow granted on Document to role in resource.tenant
rule friends: allow read on Document to friend when principal is User and principal.level > 3
rule bots:    allow read on Document to Bot when principal.tenant == resource.tenant
rule making:  allow create on Document to User when resource.owner == principal
rule noted:   allow edit on Document to anyone when has resource.note and resource.note == "please"
rule locked:  deny edit on Document when resource.locked unless context.mfa ?? false
rule pinned:  deny read on Document to User when has principal.pin and principal.pin == 4711
fixture ann = User "ann" { tenant: Tenant "t1", level: 1, pin: 1234 }
fixture plan = Document "plan" { tenant: Tenant "t1", owner: ann, locked: false }
fixture asked = Document "asked" { tenant: Tenant "t1", owner: ann, locked: false, note: "please" }
test "a viewer reads" {
  given ann is viewer of Tenant "t1"
  principal ann
  resource plan
  context { now: 2026-01-05T10:00:00Z }
  expect allow read by by_role
  expect allow edit
}
"""
FACTS: list[Json] = [
    {"kind": "principal", "type": "User", "id": "bob", "attributes": {"tenant": "t1", "level": 2}},
    {
        "kind": "resource", "type": "Document", "id": "book",
        "attributes": {"tenant": "t1", "owner": "bob", "locked": True},
    },
    {
        "kind": "assignment", "principal": {"type": "User", "id": "bob"}, "role": "m.editor",
        "scope": {"type": "Tenant", "id": "t1"}, "expires_at": "2026-06-01T00:00:00Z",
    },
    {
        "kind": "relation", "resource": {"type": "Document", "id": "plan"}, "relation": "m.friend",
        "principal": {"type": "User", "id": "bob"},
    },
]  # fmt: skip
JUNE = "2026-06-01T00:00:00Z"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "m.policy").write_text(POLICY)
    (tmp_path / "facts.jsonl").write_bytes(b"\n".join(map(orjson.dumps, FACTS)))
    (tmp_path / "facts.json").write_bytes(orjson.dumps(FACTS))
    return tmp_path


def explain(folder: Path, *words: str) -> Result:
    """The command over the folder's policies."""
    return CliRunner().invoke(main, ["policy", "explain", str(folder / "policies"), *words])


def answer(folder: Path, *words: str) -> tuple[int, str, str]:
    """Exit code, effect and code of what a question is answered."""
    result = explain(folder, *words, "--output", "json")
    response = orjson.loads(result.stdout)["response"]
    return result.exit_code, response["effect"], response["code"]


def test_a_question_is_answered_with_every_rule_in_play(folder: Path) -> None:
    result = explain(folder, "read", "plan", "--principal", "ann")
    assert result.exit_code == 1
    assert result.stdout == (
        "deny  NO_MATCH\n"
        "\n"
        "allow m.bots (m.policy:13): false\n"
        "  false   to Bot\n"
        "  true    when principal.tenant == resource.tenant\n"
        "          principal.tenant = Tenant:t1\n"
        "          resource.tenant = Tenant:t1\n"
        "\n"
        "allow m.by_role (m.policy:11): false\n"
        "  false   to role in resource.tenant\n"
        "          resource.tenant = Tenant:t1\n"
        "\n"
        "allow m.friends (m.policy:12): false\n"
        "  false   to friend\n"
        "  false   when principal is User and principal.level > 3\n"
        "          principal.level = 1\n"
        "\n"
        "deny m.pinned (m.policy:17): false\n"
        "  true    to User\n"
        "  false   when has principal.pin and principal.pin == 4711\n"
        "          principal.pin = unknown (sensitive)\n"
        "\n"
        "what would flip this answer, each alone:\n"
        "  m.bots, were this true: to Bot\n"
        "  m.by_role, were this true: to role in resource.tenant\n"
        "          such as User:ann is m.viewer of Tenant:t1\n"
    )


@pytest.mark.parametrize("file", ["facts.jsonl", "facts.json"])
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("edit", "Document:book", "--principal", "User:bob", "--context", "mfa=true"), (0, "allow", "ALLOWED")),
        (("edit", "Document:book", "--principal", "User:bob"), (1, "deny", "DENIED")),
        (("read", "plan", "--principal", "User:bob", "--now", JUNE), (1, "deny", "NO_MATCH")),
        (("read", "plan", "--principal", "User:carl"), (1, "deny", "NO_PRINCIPAL")),
        (("create", "Document:new", "--principal", "User:bob", "--attr", "owner=bob"), (0, "allow", "ALLOWED")),
        (("create", "plan", "--principal", "ann"), (0, "allow", "ALLOWED")),
        (("create", "Document:book", "--principal", "User:bob", "--attr", "owner=bob"), (1, "deny", "RESOURCE_EXISTS")),
        (("edit", "Document:plan", "--principal", "ann", "--attr", "note=please"), (0, "allow", "ALLOWED")),
        (("edit", "m.asked", "--principal", "ann"), (0, "allow", "ALLOWED")),
        (("read", "plan", "--principal", "Bot:b", "--claims", '{"tid": "t1"}'), (0, "allow", "ALLOWED")),
        (("read", "plan", "--principal", "Bot:b"), (1, "deny", "UNDETERMINED")),
    ],
)
def test_facts_come_from_fixtures_files_and_options(
    folder: Path, file: str, words: tuple[str, ...], expected: tuple[int, str, str]
) -> None:
    dated = words if "--now" in words else (*words, "--now", "2026-01-05T10:00:00Z")
    assert answer(folder, *dated, "--data", str(folder / file)) == expected


def test_a_test_is_explained_expectation_by_expectation(folder: Path) -> None:
    result = explain(folder, "--test", "m.policy:22")
    assert result.exit_code == 1
    assert "held: a viewer reads: read (m.policy:26)\nallow  ALLOWED\n" in result.stdout
    assert "failed: a viewer reads: edit (m.policy:27)\ndeny  NO_MATCH\n" in result.stdout
    assert "          such as User:ann is m.editor of Tenant:t1\n" in result.stdout


def test_a_test_is_explained_to_programs(folder: Path) -> None:
    read, edit = orjson.loads(explain(folder, "--test", "a viewer*", "--output", "json").stdout)
    assert (read["test"], read["held"], read["response"]["effect"]) == (
        "a viewer reads: read (m.policy:26)",
        True,
        "allow",
    )
    assert (edit["held"], edit["response"]["code"]) == (False, "NO_MATCH")
    (by_role,) = [rule for rule in edit["rules"] if rule["rule_id"] == "m.by_role"]
    assert by_role["clauses"][0]["changes"] == [{"added_row": "User:ann is m.editor of Tenant:t1"}]


@pytest.mark.parametrize("form", ["table", "json"])
def test_sensitive_values_stay_hidden(folder: Path, form: str) -> None:
    assert "1234" not in explain(folder, "read", "plan", "--principal", "ann", "--output", form).output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "ask with ACTION, RESOURCE and `--principal`, or name a `--test`"),
        (("read",), "ask with ACTION, RESOURCE and `--principal`, or name a `--test`"),
        (("read", "plan", "--test", "a viewer reads"), "ask with ACTION, RESOURCE and `--principal`"),
        (("read", "plan"), "say who asks: `--principal`"),
        (
            ("read", "plam", "--principal", "ann"),
            "`plam` is neither a fixture nor of the form TYPE:ID\nhelp: did",
        ),
        (("raed", "plan", "--principal", "ann"), "unknown action `raed` of `Document`; did you mean `read`?"),
        (("read", "plan", "--principal", "Document:plan"), "`Document` is not a principal type"),
        (("read", "plan", "--principal", "ann", "--attr", "locked=true"), "not the caller's to say"),
        (("read", "plan", "--principal", "ann", "--now", "today"), "expected an RFC 3339 time"),
        (("read", "plan", "--principal", "Bot:b", "--claims", "tid"), "it is not JSON"),
        (("--test", "nothing"), "no test is called `nothing`"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(folder: Path, words: tuple[str, ...], said: str) -> None:
    result = explain(folder, *words)
    assert (result.exit_code, said in result.stderr) == (2, True)


USER = '{"kind": "principal", "type": "User", "id": "x", "attributes": {"levl": 1}}'
TENANT = '{"kind": "resource", "type": "Tenant", "id": "t"}'


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("bad.jsonl", f"{TENANT}\n{USER}", "line 2: unknown attribute `levl` of `User`"),
        ("bad.json", f"[{TENANT}, {USER}]", "element 2: unknown attribute `levl` of `User`"),
        ("worse.json", "[", "is not JSON"),
    ],
)
def test_a_faulty_fact_is_found_at_its_place(folder: Path, name: str, text: str, said: str) -> None:
    (folder / name).write_text(text)
    result = explain(folder, "read", "plan", "--principal", "ann", "--data", str(folder / name))
    assert (result.exit_code, said in result.stderr, name in result.stderr) == (1, True, True)


def test_policies_with_a_fault_explain_nothing(folder: Path) -> None:
    (folder / "policies/m.policy").write_text(POLICY.replace("principal.level > 3", "principal.levl > 3"))
    result = explain(folder, "read", "plan", "--principal", "ann")
    assert (result.exit_code, "error[E203]" in result.stderr) == (1, True)


def test_the_installed_command_ends_with_the_same_code(folder: Path) -> None:
    script = Path(sys.executable).parent / "magistrate"
    words = ["policy", "explain", str(folder / "policies"), "create", "plan", "--principal", "ann"]
    done = subprocess.run([script, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("allow  ALLOWED\n  because   m.making: no words given (m.policy:14)\n")
