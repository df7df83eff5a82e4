"""Writes what the editing room found in the protocol's own types."""

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Final

from lsprotocol import types

from policy_lang.diagnostics import Diagnostic, Severity
from policy_lang.editing.completion import Completion
from policy_lang.editing.fixes import Fix
from policy_lang.editing.names import Kind, Occurrence
from policy_lang.editing.outline import Entry
from policy_lang.source import SourceFile, Span
from service.language_server.lines import Lines

SOURCE: Final = "magistrate"
"""Whose findings these are."""

_SEVERITY: Final[Mapping[Severity, types.DiagnosticSeverity]] = {
    Severity.ERROR: types.DiagnosticSeverity.Error,
    Severity.WARNING: types.DiagnosticSeverity.Warning,
}
_UNUSED: Final = frozenset({"W301", "W302", "W303", "W304", "W306", "W307"})
"""The lints of what nothing uses, which editors grey out."""
_COMPLETION: Final[Mapping[Kind | None, types.CompletionItemKind]] = {
    None: types.CompletionItemKind.Keyword,
    Kind.MODULE: types.CompletionItemKind.Module,
    Kind.TYPE: types.CompletionItemKind.Class,
    Kind.SCALAR: types.CompletionItemKind.Class,
    Kind.ATTRIBUTE: types.CompletionItemKind.Field,
    Kind.MEMBER: types.CompletionItemKind.EnumMember,
    Kind.FIELD: types.CompletionItemKind.Field,
    Kind.ACTION: types.CompletionItemKind.Method,
    Kind.GROUP: types.CompletionItemKind.Method,
    Kind.ROLE: types.CompletionItemKind.Interface,
    Kind.RELATION: types.CompletionItemKind.Property,
    Kind.LET: types.CompletionItemKind.Variable,
    Kind.RULE: types.CompletionItemKind.Event,
    Kind.TEMPLATE: types.CompletionItemKind.Function,
    Kind.PARAMETER: types.CompletionItemKind.TypeParameter,
    Kind.FIXTURE: types.CompletionItemKind.Constant,
    Kind.CODE: types.CompletionItemKind.Constant,
    Kind.OBLIGATION: types.CompletionItemKind.Event,
    Kind.FUNCTION: types.CompletionItemKind.Function,
    Kind.ROOT: types.CompletionItemKind.Variable,
}
_OUTLINE: Final[Mapping[Kind | None, types.SymbolKind]] = {
    None: types.SymbolKind.Namespace,
    Kind.TYPE: types.SymbolKind.Class,
    Kind.ATTRIBUTE: types.SymbolKind.Field,
    Kind.FIELD: types.SymbolKind.Field,
    Kind.ACTION: types.SymbolKind.Method,
    Kind.GROUP: types.SymbolKind.Method,
    Kind.ROLE: types.SymbolKind.Interface,
    Kind.RELATION: types.SymbolKind.Property,
    Kind.LET: types.SymbolKind.Variable,
    Kind.RULE: types.SymbolKind.Event,
    Kind.TEMPLATE: types.SymbolKind.Function,
    Kind.PARAMETER: types.SymbolKind.TypeParameter,
    Kind.FIXTURE: types.SymbolKind.Constant,
    Kind.CODE: types.SymbolKind.Constant,
    Kind.OBLIGATION: types.SymbolKind.Event,
}


class Writer:
    """Writes for one bundle; `uris` gives the address of a path, `encoding` how columns count."""

    def __init__(self, uris: Mapping[str, str], encoding: str) -> None:
        self._uris = uris
        self._encoding = encoding
        self._lines: dict[str, Lines] = {}

    def lines(self, file: SourceFile) -> Lines:
        """The lines of a file."""
        if file.path not in self._lines:
            self._lines[file.path] = Lines(file.text, self._encoding)
        return self._lines[file.path]

    def range(self, span: Span) -> types.Range:
        """Where a span stands in its file."""
        return self.lines(span.file).range(span.start, span.end)

    def location(self, span: Span) -> types.Location:
        """Where a span stands."""
        return types.Location(self._uris[span.file.path], self.range(span))

    def diagnostic(self, found: Diagnostic, related: Iterable[Occurrence]) -> types.Diagnostic:
        """A finding, its help below its message, and where else its name is declared."""
        others = [
            types.DiagnosticRelatedInformation(self.location(other.span), f"`{other.span.text}` is declared here too")
            for other in related
        ]
        return types.Diagnostic(
            range=self.range(found.span),
            message=f"{found.message}\nhelp: {found.help}" if found.help else found.message,
            severity=_SEVERITY[found.severity],
            code=found.code,
            source=SOURCE,
            related_information=others or None,
            tags=[types.DiagnosticTag.Unnecessary] if found.code in _UNUSED else None,
        )

    def completion(self, found: Completion, file: SourceFile, offset: int) -> types.CompletionList:
        """What may be written, in the order in which it fits; the word at hand is replaced."""
        at = self.lines(file).range(found.start, offset)
        items = [
            types.CompletionItem(
                label=candidate.text,
                kind=_COMPLETION[candidate.kind],
                detail=candidate.detail or None,
                sort_text=f"{order:05}",
                text_edit=types.TextEdit(at, candidate.text),
            )
            for order, candidate in enumerate(found.candidates)
        ]
        return types.CompletionList(is_incomplete=False, items=items)

    def symbol(self, entry: Entry) -> types.DocumentSymbol:
        """An entry of the outline, and what stands in it."""
        return types.DocumentSymbol(
            name=entry.name,
            kind=_OUTLINE[entry.kind],
            range=self.range(entry.whole),
            selection_range=self.range(entry.span),
            children=[self.symbol(inner) for inner in entry.inner] or None,
        )

    def fix(self, fix: Fix, found: types.Diagnostic) -> types.CodeAction:
        """A change that removes a finding."""
        edit = types.TextEdit(self.range(fix.span), fix.text)
        return types.CodeAction(
            title=fix.title,
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[found],
            is_preferred=True,
            edit=types.WorkspaceEdit(changes={self._uris[fix.span.file.path]: [edit]}),
        )

    def edits(self, file: SourceFile, after: str) -> list[types.TextEdit]:
        """The changes that make a file's text another, line by line, so that a cursor stays where it was."""
        before, now = file.text.splitlines(keepends=True), after.splitlines(keepends=True)
        starts = [0]
        for line in before:
            starts.append(starts[-1] + len(line))
        return [
            types.TextEdit(self.lines(file).range(starts[low], starts[high]), "".join(now[first:last]))
            for tag, low, high, first, last in SequenceMatcher(None, before, now).get_opcodes()
            if tag != "equal"
        ]
