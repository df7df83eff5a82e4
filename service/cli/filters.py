"""Reads filters of lists from the command line: `level>=3`, `owner=@User:alice`, `labels~=draft`, `!folder`."""

import re
from collections.abc import Mapping
from typing import Final

import click
from magistrate.v1 import entity_pb2 as pb

from magistrate_client.values import write_value
from service.cli.pairs import read_attributes

_FORM: Final = re.compile(
    r"(?P<not>!?)(?P<name>[A-Za-z_][\w.]*)(?:(?P<how>:=|!=|<=|>=|~=|=|<|>)(?P<value>.*))?", re.DOTALL
)
_COMPARISONS: Final[Mapping[str, "pb.Comparison.ValueType"]] = {
    "=": pb.COMPARISON_EQUAL,
    ":=": pb.COMPARISON_EQUAL,
    "!=": pb.COMPARISON_NOT_EQUAL,
    "<": pb.COMPARISON_LESS,
    "<=": pb.COMPARISON_LESS_OR_EQUAL,
    ">": pb.COMPARISON_GREATER,
    ">=": pb.COMPARISON_GREATER_OR_EQUAL,
    "~=": pb.COMPARISON_CONTAINS,
}


def read_filter(text: str) -> pb.AttributeFilter:
    """The filter; BadParameter where the text is none."""
    found = _FORM.fullmatch(text)
    if found is None or (found["not"] and found["how"]):
        raise click.BadParameter(
            f"`{text}` is not of the form NAME=VALUE (or :=, !=, <, <=, >, >=, ~=), NAME or !NAME", param_hint="--where"
        )
    name, how = found["name"], found["how"]
    if how is None:
        return pb.AttributeFilter(
            attribute=name, comparison=pb.COMPARISON_NOT_SET if found["not"] else pb.COMPARISON_SET
        )
    read = pb.AttributeFilter(attribute=name, comparison=_COMPARISONS[how])
    equals = how if how == ":=" else "="
    write_value(read_attributes([f"value{equals}{found['value']}"], "--where")["value"], read.value)
    return read
