"""What an editor can offer beside a finding: its remedy as a change of text, and what else it is about."""

import re
from dataclasses import dataclass
from typing import Final

from policy_lang.diagnostics import Diagnostic
from policy_lang.editing.names import Occurrence
from policy_lang.editing.project import Project
from policy_lang.source import Span

_MEANT: Final = re.compile(r"did you mean `([^`]+)`\?")
_TWICE: Final = frozenset({"E210", "E211"})


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that removes a finding: what it is called, where, and what stands there then."""

    title: str
    span: Span
    text: str


def fix_for(found: Diagnostic) -> Fix | None:
    """The change that a finding's help asks for, where it names what was meant."""
    meant = _MEANT.fullmatch(found.help)
    if meant is None:
        return None
    text = f'"{meant[1]}"' if found.span.text.startswith('"') else meant[1]
    return Fix(f"Change to `{meant[1]}`", found.span, text)


def related(found: Diagnostic, project: Project) -> tuple[Occurrence, ...]:
    """Where else a name is declared that may be declared once."""
    name = project.index.at(found.span.file.path, found.span.start) if found.code in _TWICE else None
    if name is None:
        return ()
    return tuple(other for other in project.index.declarations(name.symbols) if other.span != name.span)
