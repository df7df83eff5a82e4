"""Keyset pages: how many are asked for, and the token that says where the last page ended."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Final

import orjson

from service.errors import InvalidRequest, Violation

DEFAULT: Final = 100
LARGEST: Final = 1000


def page_size(asked: int) -> int:
    """How many to give; InvalidRequest for more than `LARGEST` or less than none."""
    if not 0 <= asked <= LARGEST:
        raise InvalidRequest([Violation("page_size", f"up to {LARGEST}, or 0 for {DEFAULT}")])
    return asked or DEFAULT


def write_page_token(key: Sequence[str]) -> str:
    """The token of a page that ends with that key."""
    return urlsafe_b64encode(orjson.dumps(list(key))).decode()


def read_page_token(token: str, length: int) -> list[str]:
    """The key in a token, which has so many texts; InvalidRequest for what no answer has said."""
    key = read_token(token)
    if key is None or len(key) != length:
        raise InvalidRequest([Violation("page_token", "the `next_page_token` of an answer, or nothing")])
    return key


def read_token(token: str) -> list[str] | None:
    """The texts in a token; None for what no answer has said."""
    try:
        key = orjson.loads(urlsafe_b64decode(token.encode()))
    except ValueError:
        return None
    return key if isinstance(key, list) and all(map(_is_text, key)) else None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value
