"""Every statement of the language does what its row of the table says: policies whose own tests show it."""

from pathlib import Path

import pytest

from policy_lang.loading import load
from policy_lang.suite import run

FOLDER = Path(__file__).parent
FILES = {
    "example": 2,
    "modules": 15,
    "relations": 17,
    "roles": 55,
    "rules": 48,
}
"""The bundles, by the first word of their files' names, and how many expectations each holds."""


@pytest.mark.parametrize("name", FILES)
def test_a_statement_does_what_it_says(name: str) -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob(f"{name}*.policy")}
    results = run(load(texts).program)
    assert [(result.title, result.lines) for result in results if not result.has_passed] == []
    assert len(results) == FILES[name]


def test_every_file_is_run() -> None:
    assert {path.name.partition("_")[0].removesuffix(".policy") for path in FOLDER.glob("*.policy")} == set(FILES)


def test_the_example_of_the_language_is_decided_by_the_rules_that_it_names() -> None:
    text = (FOLDER / "example.policy").read_text(encoding="utf-8")
    results = run(load({"docs.policy": text}).program)
    assert [
        (result.expectation.action, [reason.rule_id for reason in result.decision.reasons], result.decision.code)
        for result in results
    ] == [
        ("edit", ["docs.by_role", "docs.owner_all"], "ALLOWED"),
        ("export", ["docs.export_mfa"], "STEP_UP"),
    ]
