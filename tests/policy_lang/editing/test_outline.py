"""Laws: the outline has what a file declares, in its order; fixes and related places are those of the finding."""

from policy_lang.editing.fixes import Fix, fix_for, related
from policy_lang.editing.outline import outline
from policy_lang.source import Span
from tests.policy_lang.editing.places import example, project

TEXT = """module a
# Who asks.
principal type User { boss: User? }

context { mfa: bool }
actions User { see, edit }

# Who may.
rule r: allow see on User to anyone
  when resource.boss == principal
test "x" { principal User "u" {} resource User "u" context { now: 2026-01-05T10:00:00Z, mfa: true } expect allow see }
"""


def test_the_outline_has_what_the_file_declares() -> None:
    found = project(a=TEXT)
    entries = [(entry.name, [inner.name for inner in entry.inner]) for entry in outline(found, "a.policy")]
    assert entries == [
        ("User", ["boss"]),
        ("context", ["mfa"]),
        ("actions User", ["see", "edit"]),
        ("r", []),
        ("x", []),
    ]


def test_an_entry_spans_its_statement_without_what_follows() -> None:
    entries = {entry.name: entry for entry in outline(project(a=TEXT), "a.policy")}
    assert entries["actions User"].whole.text == "actions User { see, edit }"
    assert entries["r"].whole.text == "rule r: allow see on User to anyone\n  when resource.boss == principal"


def test_every_name_of_an_outline_stands_within_its_statement() -> None:
    found = example()
    for path in found.readings:
        for entry in outline(found, path):
            assert entry.whole.start <= entry.span.start < entry.span.end <= entry.whole.end


def test_what_was_meant_is_offered_as_a_change() -> None:
    found = project(a=TEXT.replace("resource.boss", "resource.bos"))
    (finding,) = found.faults["a.policy"]
    at = TEXT.index("resource.boss") + len("resource.")
    assert fix_for(finding) == Fix("Change to `boss`", Span(finding.span.file, at, at + 3), "boss")


def test_a_finding_that_names_nothing_meant_has_no_fix() -> None:
    found = project(a=TEXT.replace("resource.boss", "resource.zzzzz"))
    assert [fix_for(finding) for finding in found.faults["a.policy"]] == [None]


def test_a_second_declaration_leads_to_the_first() -> None:
    found = project(a=TEXT, b="module a\nlet r = true\ntype User {}\n")
    (finding,) = found.faults["b.policy"]
    assert [place.span.location for place in related(finding, found)] == ["a.policy:3"]


def test_only_what_changed_is_read_again() -> None:
    files = {f"f{number}": f"module m{number}\nlet x = true\n" for number in range(200)}
    before = project(**files)
    after = before.with_texts({**before.texts, "f7.policy": "module m7\nlet y = true\n"})
    assert (before.count, after.count) == (200, 1)
    assert after.with_texts(after.texts) is after
