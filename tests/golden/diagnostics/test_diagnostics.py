"""What authors are told about faults, word for word (`python -m tests.golden.diagnostics.rendering` writes it anew)."""

from pathlib import Path

import pytest

from policy_lang.loading import load
from tests.golden.diagnostics.rendering import CASES, SHARED, rendered


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_every_fault_is_told_at_once_with_its_place_and_help(case: Path) -> None:
    assert rendered(case) == case.with_suffix(".expected").read_text(encoding="utf-8")


def test_the_shared_declarations_are_well_typed() -> None:
    assert load({SHARED.name: SHARED.read_text(encoding="utf-8")}).program.tests == ()


def test_every_kind_of_fault_is_shown() -> None:
    """Syntax, names, types, limits and tests: each family of codes has golden cases."""
    shown = "".join(case.with_suffix(".expected").read_text(encoding="utf-8") for case in CASES)
    assert {family for family in "12345" if f"error[E{family}" in shown} == set("12345")
