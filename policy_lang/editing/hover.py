"""What an editor shows over a name: each thing it may stand for, its type, and the comment above its declaration."""

from dataclasses import dataclass
from typing import Final

from policy_lang.editing.describe import Description, describe
from policy_lang.editing.names import Kind, Occurrence
from policy_lang.editing.project import Project
from policy_lang.source import Span

_TYPED: Final = frozenset({Kind.LET, Kind.ROOT})
"""What a description gives no type, because it depends on the place."""
_SHOWN: Final = 5
"""How many meanings of one name are shown."""


@dataclass(frozen=True, slots=True)
class Hover:
    """Markdown about the name at a place."""

    span: Span
    markdown: str


def hover(project: Project, path: str, offset: int) -> Hover | None:
    """What to show over a place; None where no name stands there."""
    name = project.index.at(path, offset)
    if name is None:
        return None
    meanings = sorted(name.symbols)[:_SHOWN]
    described = [_typed(describe(meant, project.index), name) for meant in meanings]
    by_facts: dict[tuple[str, ...], list[str]] = {}
    for found in described:
        by_facts.setdefault(found.facts, []).append(found.signature)
    parts: list[str] = []
    for facts, signatures in by_facts.items():
        parts += ["```policy\n" + "\n".join(signatures) + "\n```", *facts]
    return Hover(name.span, "\n\n".join((*parts, *_remarks(project, name))))


def _typed(found: Description, name: Occurrence) -> Description:
    if not name.types or not all(meant.kind in _TYPED for meant in name.symbols):
        return found
    head, equals, rest = found.signature.partition(" = ")
    types = " or ".join(map(str, name.types))
    return Description(f"{head}: {types}{equals}{rest}", found.facts)


def _remarks(project: Project, name: Occurrence) -> list[str]:
    """The comments right above where it is declared, where that is one place, and the first on its line."""
    declared = project.index.declarations(name.symbols)
    if len(declared) != 1 or not _is_first(declared[0], project):
        return []
    remark = _above(declared[0])
    return [remark] if remark else []


def _is_first(declared: Occurrence, project: Project) -> bool:
    file, start = declared.span.file, declared.span.start
    line = file.text.rfind("\n", 0, start) + 1
    return not any(
        name.is_declaration and line <= name.span.start < start for name in project.index.occurrences(file.path)
    )


def _above(declared: Occurrence) -> str:
    file = declared.span.file
    number = file.position(declared.span.start).line - 1
    lines: list[str] = []
    while number > 0 and file.line(number).lstrip().startswith("#"):
        lines.append(file.line(number).strip().removeprefix("#").strip())
        number -= 1
    return "\n".join(reversed(lines))
