"""Writes docs/metrics.md: every metric that is declared, as it is read."""

from pathlib import Path
from typing import Final

from service.metrics import GROUPS, Declared, Kind

FILE: Final = Path(__file__).with_name("metrics.md")
HEAD: Final = """\
# Metrics

`/metrics` of the ops port has these, of all processes together, in the text format of Prometheus, or as OpenMetrics
where the scraper accepts that. Counters and histograms are sums over the processes, also over those that have ended
since; what each process tells of itself has the label `process`. Durations are in seconds, sizes in bytes. A label's
values are few, whoever calls and whatever they send. What to alert on, and what to do then, is in the
[runbook](runbook.md). `make metrics` writes this page from the table in the code.
"""
TABLE: Final = "| metric | kind | labels | says |\n|---|---|---|---|"


def page() -> str:
    """The file's text."""
    sections = (
        "\n".join((f"\n## {title}\n", TABLE, *(_row(name, each) for name, each in group.items()), ""))
        for title, group in GROUPS.items()
    )
    return HEAD + "".join(sections)


def _row(name: str, declared: Declared) -> str:
    read = f"{name}_total" if declared.kind is Kind.COUNTER else name
    labels = ", ".join(f"`{label}`" for label in declared.label_names)
    return f"| `{read}` | {declared.kind.value} | {labels} | {declared.help.removesuffix('.')} |"


if __name__ == "__main__":
    FILE.write_text(page())
