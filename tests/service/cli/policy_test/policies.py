"""A small bundle whose tests are run by the command, and the running of it."""

from pathlib import Path

from click.testing import CliRunner, Result

from service.cli import main

POLICY = """\
module m
principal type User { level: int, pin: int? sensitive }
type Document { owner: User, locked: bool }
actions Document { read, edit }
rule high:   allow read on Document to User when principal.level > 1
rule own:    allow read, edit on Document to anyone when resource.owner == principal
rule locked: deny edit on Document when resource.locked code LOCKED
rule pinned: deny any on Document when has principal.pin and principal.pin == 4711
fixture ann = User "ann" { level: 2, pin: 1234 }
fixture bob = User "bob" { level: 1 }
fixture plan = Document "plan" { owner: ann, locked: false }

test "the owner edits" {
  principal ann
  resource plan
  context { now: 2026-01-05T10:00:00Z }
  expect allow edit by own
  expect allow read by high, own
}

test "others" {
  context { now: 2026-01-05T10:00:00Z }
  matrix {
    principals bob
    resources plan
    actions any
  }
}
"""


def write(folder: Path, *changes: tuple[str, str]) -> None:
    """The bundle in a folder, so changed."""
    text = POLICY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "m.policy").write_text(text)


def run_tests(folder: Path, *options: str) -> Result:
    """`magistrate policy test` on the folder."""
    return CliRunner().invoke(main, ["policy", "test", str(folder), *options])
