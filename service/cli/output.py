"""Prints rows of data: a table for people, JSON or JSON lines for programs.

What people read steers no terminal: titles, messages and ids of tokens are written by anybody.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, TypeVar

import click
import orjson

from policy_lang.excerpt import visible
from policy_lang.types import Json

Output = Literal["table", "json", "jsonl"]
Function = TypeVar("Function", bound=Callable[..., object])

_WIDE: Final = 200
"""Columns of a table that no terminal shows: enough that nothing is cut."""


def output_option(function: Function) -> Function:
    """Gives a command `--output`."""
    return click.option(
        "--output", type=click.Choice(["table", "json", "jsonl"]), default="table", show_default=True, help="The form."
    )(function)


def print_rows(rows: Sequence[Mapping[str, Json]], output: Output) -> None:
    """Prints the rows; all have the same keys, which head the table."""
    match output:
        case "table":
            _print_table(rows)
        case "json":
            click.echo(orjson.dumps([dict(row) for row in rows], option=orjson.OPT_INDENT_2).decode())
        case "jsonl":
            for row in rows:
                click.echo(orjson.dumps(dict(row)).decode())


def print_result(said: str, result: Mapping[str, Json], output: Output) -> None:
    """Prints what a command did: a sentence for people, one JSON object for programs."""
    click.echo(_shown(said) if output == "table" else orjson.dumps(dict(result)).decode())


def _print_table(rows: Sequence[Mapping[str, Json]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row.values()))
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else _WIDE).print(table)


def _cell(value: Json) -> str:
    if value is None:
        return ""
    return _shown(value if isinstance(value, str) else orjson.dumps(value).decode())


def _shown(text: str) -> str:
    return "\n".join(map(visible, text.split("\n")))
