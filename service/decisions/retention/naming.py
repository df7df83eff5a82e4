"""Tells from the body of a record whether it names somebody, or mentions him anywhere."""

import re
from typing import Final

import orjson

from policy_lang.types import Json
from policy_lang.values import Ref
from service.decisions.rows import indexed

_ROLE: Final = r" \w+(?:\.\w+)+"
"""How details of acts write a role or a relation between those whom it joins: `User:alice docs.editor Folder:f1`."""

_COLUMNS: Final = ("principal", "caller", "resource")


class Naming:
    """What names one reference."""

    def __init__(self, ref: Ref) -> None:
        self._ref = ref
        self._text = re.compile(rf"(?:^|{_ROLE} ){re.escape(str(ref))}(?:\Z|{_ROLE}(?: |\Z)| until )")
        self.is_shared = any(indexed(f"{part}.") != f"{part}." for part in ref)
        """Whether columns, which hold texts up to a length, may say the same of somebody else."""

    def names(self, body: str) -> bool:
        """Whether a record asks for, is asked by or is about it."""
        record = _read(body)
        return record is None or any(
            (record.get(f"{column}_type"), record.get(f"{column}_id")) == self._ref for column in _COLUMNS
        )

    def mentions(self, body: str) -> bool:
        """Whether it stands anywhere in a record: as `TYPE:ID`, alone or in an act's words, as a pair, or an object."""
        record = _read(body)
        return record is None or self._is_in(record)

    def _is_in(self, item: Json) -> bool:
        match item:
            case str():
                return self._text.search(item) is not None
            case dict():
                if (item.get("type"), item.get("id")) == self._ref:
                    return True
                return any(map(self._is_in, item)) or any(map(self._is_in, item.values()))
            case list():
                return item == [*self._ref] or any(map(self._is_in, item))
            case _:
                return False


def _read(body: str) -> dict[str, Json] | None:
    """The record; None for a body that is none, which was changed: it is taken for one that names everybody."""
    try:
        record = orjson.loads(body)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
