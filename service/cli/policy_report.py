"""What `magistrate policy` found, for programs: JSON, and SARIF 2.1.0 for what shows findings beside the code."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Final
from urllib.parse import quote

import orjson

from policy_lang.diagnostics import Diagnostic, Severity
from policy_lang.linting.linter import Checked
from policy_lang.pages import page, title
from policy_lang.types import Json

_SARIF: Final = "https://json.schemastore.org/sarif-2.1.0.json"

OfFolder = Callable[[str], tuple[Sequence[Json], Sequence[Json]]]
"""Gives further rules and results of a SARIF log, by the URI of the folder of policies."""


def _nothing_more(_: str) -> tuple[Sequence[Json], Sequence[Json]]:
    return (), ()


def diagnostic_json(found: Diagnostic) -> dict[str, Json]:
    """A finding; lines and columns count from 1, columns in code points, and `end` is where it has ended."""
    start, end = (found.span.file.position(at) for at in (found.span.start, found.span.end))
    return {
        "code": found.code,
        "severity": found.severity.value,
        "message": found.message,
        "path": found.span.file.path,
        "line": start.line,
        "column": start.column,
        "end": {"line": end.line, "column": end.column},
        "help": found.advice,
    }


def check_json(found: Checked, *, is_ok: bool, has_costs: bool, more: Mapping[str, Json]) -> str:
    """What a check came to: what the bundle holds, if it loads; every finding; what rules cost, if that is asked."""
    costs: list[Json] = [asdict(cost) for cost in found.costs] if has_costs else []
    diagnostics: list[Json] = [*map(diagnostic_json, found.diagnostics)]
    dear: dict[str, Json] = {"costs": costs} if has_costs else {}
    return _text({"ok": is_ok, **found.counts, "diagnostics": diagnostics, **dear, **more})


def check_sarif(diagnostics: Sequence[Diagnostic], folder: Path, more: OfFolder = _nothing_more) -> str:
    """The findings as a SARIF log; paths are seen from where the command runs."""
    rules, results = more(_uri(folder))
    driver: dict[str, Json] = {
        "name": "magistrate",
        "version": version("magistrate"),
        "rules": [*(_sarif_rule(code) for code in sorted({found.code for found in diagnostics})), *rules],
    }
    return _text(
        {
            "$schema": _SARIF,
            "version": "2.1.0",
            "runs": [
                {
                    "tool": {"driver": driver},
                    "columnKind": "unicodeCodePoints",
                    "results": [*(_sarif_result(found, folder) for found in diagnostics), *results],
                }
            ],
        }
    )


def _sarif_rule(code: str) -> Json:
    """A code with its page."""
    text = page(code)
    level = Severity.ERROR if code.startswith("E") else Severity.WARNING
    return {
        "id": code,
        "shortDescription": {"text": title(code)},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": level.value},
    }


def _sarif_result(found: Diagnostic, folder: Path) -> dict[str, Json]:
    start, end = (found.span.file.position(at) for at in (found.span.start, found.span.end))
    region: dict[str, Json] = {
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    }
    place: dict[str, Json] = {
        "artifactLocation": {"uri": _uri(folder / found.span.file.path)},
        "region": region,
    }
    text = f"{found.message} ({found.advice})" if found.advice else found.message
    return {
        "ruleId": found.code,
        "level": found.severity.value,
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }


def _uri(path: Path) -> str:
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _text(value: Json) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
