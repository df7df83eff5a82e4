"""Reads the JSON of a request as I-JSON has it (RFC 7493): one object in UTF-8, each of whose names stands once."""

import json
from collections.abc import Sequence
from typing import Final

import orjson

from policy_lang.types import Json
from service.errors import InvalidRequest, LimitExceeded, Violation

DEPTH: Final = 32
"""Objects and arrays within each other."""


def read_object(text: bytes) -> dict[str, Json]:
    """The object; InvalidRequest where the text is none, LimitExceeded over `depth`."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _refusal(f"no JSON: {error}") from None
    if text.count(b"{") + text.count(b"[") > DEPTH:
        _check_depth(value)
    _UNIQUE.decode(text.decode())  # which orjson does not look at: it keeps the last of equal names
    if not isinstance(value, dict):
        raise _refusal("no JSON object")
    return value


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


def _check_names(members: Sequence[tuple[str, Json]]) -> None:
    names: set[str] = set()
    for name, _ in members:
        if name in names:
            raise _refusal(f"the name `{name[:64]}` stands twice in one object")
        names.add(name)


def _refusal(message: str) -> InvalidRequest:
    return InvalidRequest([Violation("body", message)])


_UNIQUE: Final = json.JSONDecoder(object_pairs_hook=_check_names)
