"""Reads the JSON of a request as I-JSON has it (RFC 7493): one object in UTF-8, each of whose names stands once."""

import re
from typing import Final

import orjson

from policy_lang.types import Json
from service.admission import VALUES
from service.errors import InvalidRequest, LimitExceeded, Violation
from service.unique_names import fault_of_names

DEPTH: Final = 32
"""Objects and arrays within each other."""


def read_object(text: bytes) -> dict[str, Json]:
    """The object; InvalidRequest where the text is none, LimitExceeded over `depth` or `values`.

    An empty object or array counts as two values.
    """
    if _most_values(text) > VALUES and (values := _most_values(_TEXT.sub(b"", text))) > VALUES:
        raise LimitExceeded("values", VALUES, values)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _refusal(f"no JSON: {error}") from None
    if text.count(b"{") + text.count(b"[") > DEPTH:
        _check_depth(value)
    if (fault := fault_of_names(text, value)) is not None:
        raise _refusal(fault)
    if not isinstance(value, dict):
        raise _refusal("no JSON object")
    return value


def _most_values(text: bytes) -> int:
    """As many values as there are at most, all outside of texts where those are left out."""
    return text.count(b",") + text.count(b"{") + text.count(b"[") + 1


def _check_depth(value: Json) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEPTH:
            raise LimitExceeded("depth", DEPTH, depth)
        level = [inner for each in level for inner in _inside(each)]


def _inside(value: Json) -> list[Json]:
    """The objects and arrays right within it."""
    match value:
        case dict():
            return [each for each in value.values() if isinstance(each, dict | list)]
        case list():
            return [each for each in value if isinstance(each, dict | list)]
        case _:
            return []


def _refusal(message: str) -> InvalidRequest:
    return InvalidRequest([Violation("body", message)])


_TEXT: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
"""A text, also one that does not end: what is tried once is not tried again, so that it takes as long as it is long."""
