"""Reads a JSON object that no two readers could take differently.

Refused beyond what JSON refuses: a repeated member (RFC 7515 section 4, RFC 7519 section 4), `NaN` and infinities, text
that is not UTF-8 or has lone surrogates, and nesting that would exhaust whoever walks it later.
"""

import json
from collections.abc import Sequence
from typing import Final, cast

from policy_lang.types import Json

DEPTH_LIMIT: Final = 32
"""Objects and lists within each other."""


class BadJson(ValueError):
    """Not one object of strict JSON; the message says why and quotes nothing of it."""


def parse_object(data: bytes) -> dict[str, Json]:
    """The object that the bytes hold; BadJson if they hold anything else."""
    try:
        parsed: object = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_float=_finite, parse_constant=_not_a_number
        )
    except BadJson:
        raise
    except (ValueError, RecursionError):
        raise BadJson("not JSON in UTF-8") from None
    if not isinstance(parsed, dict):
        raise BadJson("not a JSON object")
    whole = cast(dict[str, Json], parsed)
    _check_text_and_depth(whole)
    return whole


def _unique(members: list[tuple[str, Json]]) -> dict[str, Json]:
    whole = dict(members)
    if len(whole) < len(members):
        raise BadJson("a member stands twice")
    return whole


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise BadJson("a number is too large")
    return number


def _not_a_number(_: str) -> float:
    raise BadJson("a number is not finite")


def _check_text_and_depth(whole: Json) -> None:
    level: Sequence[Json] = [whole]
    for _ in range(DEPTH_LIMIT + 1):
        level = [inner for value in level for inner in _within(value)]
        if not level:
            return
    raise BadJson(f"nested deeper than {DEPTH_LIMIT}")


def _within(value: Json) -> Sequence[Json]:
    if isinstance(value, str):
        _check_text(value)
        return ()
    if isinstance(value, dict):
        for name in value:
            _check_text(name)
        return list(value.values())
    return value if isinstance(value, list) else ()


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadJson("text with a lone surrogate") from None
