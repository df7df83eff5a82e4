"""Turns ids into keys of a column and back; one id has one key, so that ids are equal only if identical."""

import re
from typing import Final
from uuid import UUID

from policy_lang.forms import check_id
from policy_lang.notation import BadValue
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.mapped.columns import Kind

KEY_KINDS: Final = (Kind.TEXT, Kind.INT, Kind.UUID)
"""Columns that may hold ids."""

_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_INT64: Final = range(-(2**63), 2**63)


def key_of(kind: Kind, id_: str) -> Json:
    """The key of an id, None where no row of such a column can have it: `07` is no whole number's id."""
    match kind:
        case Kind.INT:
            return int(id_) if _WHOLE.fullmatch(id_) and int(id_) in _INT64 else None
        case Kind.UUID:
            return id_ if _is_uuid(id_) else None
        case _:
            return id_ if is_id(id_) else None


def id_of(kind: Kind, raw: object) -> str | None:
    """The id that a value of such a column is, None where it is none."""
    if kind is Kind.INT:
        return str(raw) if isinstance(raw, int) and not isinstance(raw, bool) else None
    return raw if isinstance(raw, str) and is_id(raw) else None


def is_id(text: str) -> bool:
    """Whether the text may be an id."""
    try:
        check_id(text)
    except BadValue:
        return False
    return True


def ref_of(type_: str, id_: str | None) -> Ref:
    """A reference; to nothing that can be there where the id is none."""
    return Ref(type_, id_ or "")


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
