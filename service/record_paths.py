"""Reads how settings name what a record may hold: `resource.title`, `User.salary`, `claims.org.id`.

A path begins with `principal`, `resource`, `context` or `claims`, or with a type: then it is that type's attribute,
wherever rules reach it. A claim of another form stands in quotes. `?` at the end: policies may lack it.
"""

import re
from dataclasses import dataclass
from typing import Final

CLAIMS: Final = "claims"
ROOTS: Final = ("principal", "resource", "context", CLAIMS)
"""What paths begin with that do not begin with a type."""

_PATH: Final = re.compile(r'([A-Za-z_]\w*)((?:\.(?:[A-Za-z_]\w*|"[^"\x00-\x1f]+"))+)(\?)?', re.ASCII)
_STEP: Final = re.compile(r'\.(?:([A-Za-z_]\w*)|"([^"]+)")', re.ASCII)


@dataclass(frozen=True, slots=True)
class RecordPath:
    """A path: what it begins with and the steps behind. `may_lack` says that policies need not declare it."""

    text: str
    root: str
    steps: tuple[str, ...]
    may_lack: bool = False


def read_record_path(text: str) -> RecordPath:
    """The path that a text writes; ValueError says how it is to be written."""
    found = _PATH.fullmatch(text)
    if found is None:
        raise ValueError(
            f"`{text}` is no path\nhelp: write `resource.title`, `User.salary` or `claims.org.id`;"
            " a claim of another form stands in quotes, and `?` at the end lets policies lack it"
        )
    root, rest, may_lack = found.groups()
    steps = tuple(name or quoted for name, quoted in _STEP.findall(rest))
    if '"' in rest and root != CLAIMS:
        raise ValueError(f"`{text}` quotes a step\nhelp: only claims have names that need quotes")
    return RecordPath(text, root, steps, bool(may_lack))
