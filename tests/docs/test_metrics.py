"""The page of the metrics has every metric that is declared, as it is declared, and no other."""

import re
from pathlib import Path

from service.metrics import METRICS, Kind

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"\| `(\w+)` \| (\w+) \| (.*?) ?\| (.*) \|")


def test_the_page_says_what_is_declared() -> None:
    shown = [found.groups() for line in PAGE.read_text().splitlines() if (found := ROW.fullmatch(line))]
    declared = [
        (
            f"{name}_total" if each.kind is Kind.COUNTER else name,
            each.kind.value,
            ", ".join(f"`{label}`" for label in each.label_names),
            each.help.removesuffix("."),
        )
        for name, each in METRICS.items()
    ]
    assert shown == declared
