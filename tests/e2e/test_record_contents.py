"""What the settings say of the record holds from the first decision on, and is said loudly."""

import json
from pathlib import Path

import pytest

from tests.e2e.asking import SECONDS, bearer, question, stub_of
from tests.e2e.running import Project, wait_until
from tests.e2e.test_ops import total

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACED = (("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"),)
SETTINGS = """\
[record]
mask_key_file = "mask.key"
find_by = ["resource.locked"]
mask = [
  { path = "context.ip", how = "remove" },
  { path = "Document.owner", how = "hash" },
]
drop = [{ name = "reads", actions = ["read"] }]
"""


def configure(project: Project, settings: str, mode: int = 0o600) -> None:
    (project.folder / "record.toml").write_text(settings)
    key: Path = project.folder / "mask.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(mode)


def test_records_are_masked_found_and_dropped_as_configured(project: Project) -> None:
    configure(project, SETTINGS)
    with project.serving("--dev", "--config", "record.toml") as server:
        who = (*bearer(server.token("User:alice")), *TRACED)
        with stub_of(server.address) as stub:
            for action in ("read", "edit", "read", "export"):
                stub.Check(question(action, "Document:plan", ip="10.9.8.7"), metadata=who, timeout=SECONDS)
        wait_until(lambda: total(server, "magistrate_records_dropped_total"), 2.0)
        wait_until(lambda: total(server, "magistrate_decisions_total"), 4.0)
        assert server.stop() == 0
        assert "decisions are left out of the record by configuration" in server.log()

    records = json.loads(project.must_run("log", "query", "--output", "json"))
    export, edit, stated, reduced, *imported = records
    assert [record["action"] for record in (export, edit, reduced)] == ["export", "edit", "magistrate.record.reduce"]
    assert (stated["action"], len(stated["inputs"]["mask"])) == ("magistrate.record.settings", 2)
    assert {(record["action"], record["caller"]["type"], record["inputs"]["change"]) for record in imported} == {
        ("magistrate.entity.write", "operator", "import"), ("magistrate.role.assign", "operator", "import"),
    }  # fmt: skip
    assert reduced["inputs"] == {"reads": {"actions": ["read"], "types": [], "keep": 0.0}}
    assert {(record["trace_id"], record["peer"]) for record in (export, edit)} == {(TRACE, "127.0.0.1")}
    assert export["caller_evidence"]["kind"] == "token"
    assert "10.9.8.7" not in json.dumps(records)
    assert {"path": "context.ip", "how": "removed"} in export["masked"]
    assert edit["inputs"]["resource.owner"].startswith("hmac-sha256:")
    found = json.loads(project.must_run("log", "query", "--input", "resource.locked=false", "--output", "json"))
    assert [record["decision_id"] for record in found] == [export["decision_id"], edit["decision_id"]]
    assert "local started with the drop rules `reads` since" in project.must_run("log", "verify")


def test_what_an_operator_does_on_the_host_is_recorded_before_it_is_done(project: Project) -> None:
    project.must_run("data", "export", "facts.jsonl")
    project.must_run("data", "import", "facts.jsonl", "--dry-run")
    project.must_run("admin", "grant", "User:bob", "reader", "--until", "2030-01-01T00:00:00Z")
    granted, exported, *imported = json.loads(project.must_run("log", "query", "--output", "json"))
    assert (granted["action"], granted["inputs"]["until"]) == ("magistrate.role.assign", "2030-01-01T00:00:00Z")
    assert (exported["action"], exported["inputs"]) == ("magistrate.entity.read", {"read": "export"})
    assert [record["inputs"]["change"] for record in imported] == ["import", "import"]
    for record in (granted, exported, *imported):
        assert (record["caller"]["type"], record["caller_evidence"]["kind"]) == ("operator", "operator")


@pytest.mark.parametrize(
    ("settings", "mode", "said"),
    [
        ('[record]\nfind_by = ["resource.titel"]', 0o600, "did you mean `resource.title`?"),
        ('[[record.mask]]\npath = "resource"\nhow = "remove"', 0o600, "`resource` is no path"),
        (SETTINGS, 0o644, "the key of hashed values `mask.key` is open to others"),
    ],
    ids=["a path that policies lack", "no path", "a key that is open"],
)
def test_settings_that_cannot_hold_refuse_the_start(project: Project, settings: str, mode: int, said: str) -> None:
    configure(project, settings, mode)
    assert said in project.refused("--config", "record.toml")
