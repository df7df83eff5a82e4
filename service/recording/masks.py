"""Changes recorded values so that they do not stand in the record as they are; gaps stay, for they are no values."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Final

import orjson

from policy_lang.types import Json
from policy_lang.values import Cause
from service.model import Masking
from service.record_paths import RecordPath, read_record_path
from service.record_settings import MaskSettings


class Removed(Enum):
    """Stands for a value that is left out."""

    REMOVED = "removed"


REMOVED: Final = Removed.REMOVED

Change = Callable[[Json], Json | Removed]
"""Gives what stands in the record in place of a value, or REMOVED."""

PREFIX: Final = "hmac-sha256:"
"""How hashed values begin."""

STRICTEST: Final = (Masking.SENSITIVE, Masking.REMOVED, Masking.HASHED, Masking.TRUNCATED)
"""Where several masks cover one value, the first of these counts."""

_CAUSES: Final = frozenset(cause.value for cause in Cause)


@dataclass(frozen=True, slots=True)
class Mask:
    """What is masked, how, and what it makes of a value."""

    path: RecordPath
    how: Masking
    change: Change


def mask_of(settings: MaskSettings, key: bytes | None) -> Mask:
    """The mask of one setting; `key` is that of hashed values."""
    path = read_record_path(settings.path)
    match settings.how:
        case "remove":
            return Mask(path, Masking.REMOVED, remove)
        case "hash":
            return Mask(path, Masking.HASHED, partial(hash_value, key or b""))
        case "truncate":
            return Mask(path, Masking.TRUNCATED, partial(truncate, settings.characters or 0))


def remove(_: Json) -> Removed:
    """Leaves everything out."""
    return REMOVED


def hash_value(key: bytes, value: Json) -> Json:
    """The HMAC-SHA-256 of the value's text under the key; of a set, those of its elements."""
    if _is_gap(value):
        return value
    if isinstance(value, list | tuple):
        return sorted(_mac(key, each) for each in value)
    return _mac(key, value)


def truncate(characters: int, value: Json) -> Json | Removed:
    """The first characters of a string, and of each string of a set; everything else is left out."""
    if _is_gap(value):
        return value
    if isinstance(value, str):
        return value[:characters]
    if isinstance(value, list | tuple):
        return list(dict.fromkeys(each[:characters] for each in value if isinstance(each, str)))
    return REMOVED


def _mac(key: bytes, value: Json) -> str:
    return PREFIX + hmac.digest(key, text_of(value).encode(), hashlib.sha256).hex()


def text_of(value: Json) -> str:
    """The text that is hashed: a string itself, `Type:id` of a reference, the JSON of anything else, keys sorted."""
    match value:
        case str():
            return value
        case {"type": str(type_), "id": str(id_)}:
            return f"{type_}:{id_}"
        case _:
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _is_gap(value: Json) -> bool:
    match value:
        case {"gap": str(cause), **rest}:
            return cause in _CAUSES and rest.keys() <= {"broken"}
        case _:
            return False
