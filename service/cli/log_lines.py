"""Prints records as they come: a line for each, JSON lines, or CSV that no spreadsheet takes for formulas."""

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Final, Literal

import click
import orjson

from policy_lang.excerpt import visible
from policy_lang.notation import format_timestamp
from policy_lang.types import Json
from service.cli.log_report import COLOURS, flip_text, print_table, records_json, records_jsonl
from service.model import DecisionRecord

Form = Literal["table", "json", "jsonl", "csv"]

FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula."""


def print_records(records: Sequence[DecisionRecord], form: Form) -> None:
    """Prints records that are all there."""
    match form:
        case "json":
            click.echo(records_json(records))
        case "jsonl":
            click.echo(records_jsonl(records), nl=False)
        case "csv":
            click.echo(_csv([_HEAD, *map(_row, records)]), nl=False)
        case "table":
            print_table(records)


def print_coming(batches: Iterable[Sequence[DecisionRecord]], form: Form) -> None:
    """Prints records as they come, until the user has enough."""
    if form == "csv":
        click.echo(_csv([_HEAD]), nl=False)
    try:
        for records in batches:
            click.echo("".join(map(_LINES[form], records)), nl=False)
            sys.stdout.flush()
    except KeyboardInterrupt:
        return


def _line(record: DecisionRecord) -> str:
    effect = click.style(f"{record.effect.value:5}", fg=COLOURS[record.effect], bold=True)
    unenforced = "" if record.enforced else "  (not enforced)"
    broken = "  (break-glass)" if record.break_glass else ""
    told = f"{record.code}{unenforced}{broken}  {record.principal} {record.action} {record.resource}"
    rules = f"  by {' '.join(record.rules)}" if record.rules else ""
    return f"{format_timestamp(record.time)}  {effect}  {visible(told + rules)}  {record.id}\n"


def _row(record: DecisionRecord) -> list[str]:
    return [_cell(read(record)) for read in _COLUMNS.values()]


def _cell(text: str) -> str:
    """The text as a cell: nothing that steers a terminal, nothing that a spreadsheet computes."""
    shown = visible(text)
    return f"'{shown}" if text.startswith(FORMULAS) or shown.startswith(FORMULAS) else shown


def _csv(rows: Iterable[Sequence[str]]) -> str:
    written = StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue()


def _json(value: Json) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _gaps(record: DecisionRecord) -> Iterator[str]:
    return (f"{gap.path} ({gap.cause})" for gap in record.missing)


_LINES: Final[Mapping[Form, Callable[[DecisionRecord], str]]] = {
    "table": _line,
    "jsonl": lambda record: records_jsonl([record]),
    "csv": lambda record: _csv([_row(record)]),
}
"""How a record is told by itself."""

_COLUMNS: Final[Mapping[str, Callable[[DecisionRecord], str]]] = {
    "time": lambda record: format_timestamp(record.time),
    "decision_id": lambda record: record.id,
    "kind": lambda record: record.kind.value,
    "effect": lambda record: record.effect.value,
    "code": lambda record: record.code,
    "principal": lambda record: str(record.principal),
    "action": lambda record: record.action,
    "resource": lambda record: str(record.resource),
    "tenant": lambda record: "" if record.tenant is None else str(record.tenant),
    "rules": lambda record: " ".join(record.rules),
    "missing": lambda record: " ".join(_gaps(record)),
    "caller": lambda record: str(record.caller),
    "credential": lambda record: record.caller_evidence.credential,
    "peer": lambda record: record.origin.peer,
    "request_id": lambda record: record.request_id,
    "trace_id": lambda record: record.origin.trace_id,
    "policy_digest": lambda record: record.policy_digest,
    "revision": lambda record: record.revision,
    "enforced": lambda record: "true" if record.enforced else "false",
    "candidate": lambda record: "" if record.flip is None else flip_text(record.flip),
    "break_glass": lambda record: record.break_glass,
    "inputs": lambda record: _json(dict(record.inputs)),
}
_HEAD: Final = tuple(_COLUMNS)
