"""The statements of a file, as an editor lists them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from policy_lang.editing.names import Kind
from policy_lang.editing.project import Project
from policy_lang.editing.whole import whole_statement
from policy_lang.source import Span
from policy_lang.syntax import cases
from policy_lang.syntax.parser import statement_starts
from policy_lang.syntax.statements import File


@dataclass(frozen=True, slots=True)
class Entry:
    """A declared thing: its name and kind (None: it has no name of its own), all of its text, and its name's place."""

    name: str
    kind: Kind | None
    whole: Span
    span: Span
    inner: tuple["Entry", ...] = ()


def outline(project: Project, path: str) -> tuple[Entry, ...]:
    """What a file declares, in its order; what stands in a type or `actions` within it."""
    file, tree = project.file(path), project.index.file(path)
    if file is None or tree is None:
        return ()
    starts = statement_starts(file.text)
    found = sorted(_entries(project, path, tree), key=lambda entry: entry.span.start)
    entries: list[Entry] = []
    for entry in found:
        whole = whole_statement(file, starts, entry.span)
        if entry.kind not in _INNER:
            entries.append(replace(entry, whole=whole))
            continue
        if not entries or entries[-1].whole != whole:
            title = whole.text.partition("{")[0].strip()
            entries.append(Entry(title, None, whole, Span(file, whole.start, whole.start + len(title))))
        entries[-1] = replace(entries[-1], inner=(*entries[-1].inner, entry))
    return tuple(entries)


_INNER = frozenset({Kind.ATTRIBUTE, Kind.FIELD, Kind.ACTION, Kind.PARAMETER, Kind.CODE, Kind.OBLIGATION})


def _entries(project: Project, path: str, tree: File) -> Iterator[Entry]:
    for name in project.index.occurrences(path):
        kind = next(iter(name.symbols)).kind
        if name.is_declaration and kind not in {Kind.MODULE, Kind.MEMBER}:
            yield Entry(name.span.text, kind, name.span, name.span)
    for statement in tree.statements:
        if isinstance(statement, cases.Test):
            yield Entry(statement.name.text or "test", None, statement.span, statement.span)
