"""The table of limits says what the settings say: every one, and its default."""

import re
from pathlib import Path

import pytest

from service.config import Limits
from service.rate_settings import AllowanceSettings

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "limits.md").read_text()
ROW = re.compile(r"^\| `limits\.(\w+)` \| ([^|]+) \|", re.MULTILINE)


def _number(written: str) -> float:
    """What a default in the table means."""
    number, _, unit = written.strip().partition(" ")
    return float(number) * {"": 1, "KiB": 1 << 10, "MiB": 1 << 20}[unit]


def test_the_table_has_every_limit_with_its_default() -> None:
    written = {name: _number(default) for name, default in ROW.findall(TEXT)}
    assert written == {name: field.default for name, field in Limits.model_fields.items()}


@pytest.mark.parametrize("name", AllowanceSettings.model_fields)
def test_the_table_of_rates_has_every_setting(name: str) -> None:
    assert f"| `{name}` |" in TEXT
