"""Finds a name that stands twice in one object of JSON, which means two things (RFC 7493 section 2.3)."""

import json
from collections.abc import Sequence
from typing import Final

import orjson

from policy_lang.types import Json


def fault_of_names(text: bytes, value: Json) -> str | None:
    """What is wrong with a text that orjson has read as that value, where a name stands twice in it; else None.

    orjson keeps the last of such, and so drops a colon: that is all that can change how many there are, but for one
    that was escaped. The value is known to nest a few deep; what was dropped may nest deeper than Python reads.
    """
    is_escaped = b"\\u003a" in text or b"\\u003A" in text
    if not is_escaped and text.count(b":") == orjson.dumps(value).count(b":"):
        return None
    try:
        _UNIQUE.decode(text.decode())
    except _Twice as found:
        return f"the name `{str(found)[:64]}` stands twice in one object"
    except RecursionError:
        return "a name stands twice in one object"
    return None


class _Twice(Exception):  # no error: it ends the reading
    """That name stands twice."""


def _check_names(members: Sequence[tuple[str, Json]]) -> None:
    names: set[str] = set()
    for name, _ in members:
        if name in names:
            raise _Twice(name)
        names.add(name)


_UNIQUE: Final = json.JSONDecoder(object_pairs_hook=_check_names)
