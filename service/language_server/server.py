"""The server itself: which of the protocol's questions it answers, and from what."""

import logging
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from policy_lang.diagnostics import PolicyError
from policy_lang.editing.completion import complete
from policy_lang.editing.fixes import fix_for, related
from policy_lang.editing.hover import hover
from policy_lang.editing.names import Occurrence
from policy_lang.editing.outline import outline
from policy_lang.editing.rename import CannotRename, renamable, rename
from policy_lang.folder import SUFFIX
from policy_lang.formatting.formatter import format_policy
from service.language_server.answers import Writer
from service.language_server.desk import Desk, Document, Where
from service.language_server.findings import Publisher
from service.language_server.folders import to_path

_WATCH: Final = "policy-files"
_RENAME: Final = types.RenameOptions(prepare_provider=True)
_COMPLETION: Final = types.CompletionOptions(trigger_characters=["."])
_FIXES: Final = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])


class PolicyServer(LanguageServer):
    """A language server with a desk; findings are published in the background."""

    def __init__(self) -> None:
        super().__init__("magistrate", version("magistrate"), types.TextDocumentSyncKind.Full)
        self.desk = Desk()
        self.publisher = Publisher(self, self.desk)
        self.was_shut_down = False

    def report_server_error(self, error: Exception, source: object) -> None:  # noqa: ARG002
        """Tells the editor's log of a message that could not be read; a pop-up helps nobody."""
        self.window_log_message(types.LogMessageParams(types.MessageType.Error, f"a message was left out: {error}"))

    @property
    def encoding(self) -> str:
        """How columns count: what was agreed on at the start."""
        agreed = self.workspace.position_encoding
        return str(getattr(agreed, "value", agreed) or types.PositionEncodingKind.Utf16.value)

    def writer(self, where: Where) -> Writer:
        """A writer for the bundle of a document."""
        return Writer(self.desk.uris(where.root), self.encoding)


class Asked:
    """A question about a place in a document."""

    def __init__(self, server: PolicyServer, uri: str, position: types.Position) -> None:
        self.where = server.desk.where(uri)
        self.project = self.where.project
        self.path = self.where.path
        self.writer = server.writer(self.where)
        file = self.where.file
        self.offset = 0 if file is None else self.writer.lines(file).offset(position)

    @property
    def name(self) -> Occurrence | None:
        """The name at the place."""
        return self.project.index.at(self.path, self.offset)


# What the editor tells -----------------------------------------------------------------------------------------------


def _initialized(server: PolicyServer, _: types.InitializedParams) -> None:
    server.desk.folders = _folders(server)
    capabilities = server.client_capabilities.workspace
    watched = capabilities.did_change_watched_files if capabilities else None
    if watched and watched.dynamic_registration:
        options = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher(f"**/*{SUFFIX}")])
        registration = types.Registration(_WATCH, types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        server.client_register_capability(types.RegistrationParams([registration]))


def _opened(server: PolicyServer, params: types.DidOpenTextDocumentParams) -> None:
    _put(server, params.text_document.uri)


def _changed(server: PolicyServer, params: types.DidChangeTextDocumentParams) -> None:
    _put(server, params.text_document.uri)


def _put(server: PolicyServer, uri: str) -> None:
    document = server.workspace.get_text_document(uri)
    server.publisher.touch(server.desk.put(uri, Document(document.source, document.version)))


def _closed(server: PolicyServer, params: types.DidCloseTextDocumentParams) -> None:
    server.publisher.touch(server.desk.drop(params.text_document.uri))


def _saved(server: PolicyServer, params: types.DidSaveTextDocumentParams) -> None:
    root = server.desk.root(params.text_document.uri)
    server.desk.reread(root)
    server.publisher.touch(root)


def _files_changed(server: PolicyServer, _: object) -> None:
    server.desk.folders = _folders(server)
    for root in server.desk.regroup():
        server.publisher.touch(root)


def _shut_down(server: PolicyServer, _: None) -> None:
    server.was_shut_down = True


def _folders(server: PolicyServer) -> tuple[Path, ...]:
    """The workspace's folders; the one root of an editor that knows none."""
    uris = [folder.uri for folder in server.workspace.folders.values()] or [server.workspace.root_uri or ""]
    return tuple(path for path in map(to_path, uris) if path is not None)


# What the editor asks ------------------------------------------------------------------------------------------------


def _hover(server: PolicyServer, params: types.HoverParams) -> types.Hover | None:
    asked = Asked(server, params.text_document.uri, params.position)
    found = hover(asked.project, asked.path, asked.offset)
    if found is None:
        return None
    content = types.MarkupContent(types.MarkupKind.Markdown, found.markdown)
    return types.Hover(content, asked.writer.range(found.span))


def _completion(server: PolicyServer, params: types.CompletionParams) -> types.CompletionList | None:
    asked = Asked(server, params.text_document.uri, params.position)
    found, file = complete(asked.project, asked.path, asked.offset), asked.where.file
    return None if found is None or file is None else asked.writer.completion(found, file, asked.offset)


def _definition(server: PolicyServer, params: types.DefinitionParams) -> list[types.Location]:
    asked = Asked(server, params.text_document.uri, params.position)
    found = asked.project.index.declarations(asked.name.symbols) if asked.name else ()
    return [asked.writer.location(name.span) for name in found]


def _references(server: PolicyServer, params: types.ReferenceParams) -> list[types.Location]:
    asked = Asked(server, params.text_document.uri, params.position)
    found = asked.project.index.everywhere(asked.name.symbols) if asked.name else ()
    return [
        asked.writer.location(name.span)
        for name in found
        if params.context.include_declaration or not name.is_declaration
    ]


def _highlight(server: PolicyServer, params: types.DocumentHighlightParams) -> list[types.DocumentHighlight]:
    asked = Asked(server, params.text_document.uri, params.position)
    symbols = asked.name.symbols if asked.name else frozenset()
    return [
        types.DocumentHighlight(asked.writer.range(name.span))
        for name in asked.project.index.occurrences(asked.path)
        if not symbols.isdisjoint(name.symbols)
    ]


def _symbols(server: PolicyServer, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
    where = server.desk.where(params.text_document.uri)
    writer = server.writer(where)
    return [writer.symbol(entry) for entry in outline(where.project, where.path)]


def _prepare_rename(server: PolicyServer, params: types.PrepareRenameParams) -> types.PrepareRenamePlaceholder:
    asked = Asked(server, params.text_document.uri, params.position)
    try:
        name = renamable(asked.project, asked.path, asked.offset)
    except CannotRename as error:
        raise _refused(error) from error
    return types.PrepareRenamePlaceholder(asked.writer.range(name.span), name.span.text)


def _rename(server: PolicyServer, params: types.RenameParams) -> types.WorkspaceEdit:
    asked = Asked(server, params.text_document.uri, params.position)
    try:
        found = rename(asked.project, asked.path, asked.offset, params.new_name)
    except CannotRename as error:
        raise _refused(error) from error
    edits: dict[str, list[types.TextEdit]] = {}
    for span in found.spans:
        place = asked.writer.location(span)
        edits.setdefault(place.uri, []).append(types.TextEdit(place.range, found.name))
    return _edit(server, edits)


def _edit(server: PolicyServer, edits: dict[str, list[types.TextEdit]]) -> types.WorkspaceEdit:
    """The edit, bound to the versions of open documents where the editor understands that."""
    workspace = server.client_capabilities.workspace
    known = workspace.workspace_edit if workspace else None
    if not (known and known.document_changes):
        return types.WorkspaceEdit(changes=edits)
    return types.WorkspaceEdit(
        document_changes=[
            types.TextDocumentEdit(
                types.OptionalVersionedTextDocumentIdentifier(uri, server.desk.version(uri)), changes
            )
            for uri, changes in edits.items()
        ]
    )


def _format(server: PolicyServer, params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
    where = server.desk.where(params.text_document.uri)
    if where.file is None:
        return None
    try:
        after = format_policy(where.file)
    except PolicyError:
        return None
    is_crlf = "\r\n" in where.file.text
    return server.writer(where).edits(where.file, after.replace("\n", "\r\n") if is_crlf else after)


def _fixes(server: PolicyServer, params: types.CodeActionParams) -> list[types.CodeAction]:
    where = server.desk.where(params.text_document.uri)
    writer, file = server.writer(where), where.file
    if file is None:
        return []
    first, last = (writer.lines(file).offset(at) for at in (params.range.start, params.range.end))
    return [
        writer.fix(fix, writer.diagnostic(found, related(found, where.project)))
        for found in where.project.faults.get(where.path, ())
        if found.span.start <= last and first <= found.span.end and (fix := fix_for(found))
    ]


def _refused(error: CannotRename) -> JsonRpcException:
    return JsonRpcException(str(error), types.LSPErrorCodes.RequestFailed.value)


_ANSWERS: Final = (
    (types.INITIALIZED, _initialized, None),
    (types.TEXT_DOCUMENT_DID_OPEN, _opened, None),
    (types.TEXT_DOCUMENT_DID_CHANGE, _changed, None),
    (types.TEXT_DOCUMENT_DID_CLOSE, _closed, None),
    (types.TEXT_DOCUMENT_DID_SAVE, _saved, None),
    (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, _files_changed, None),
    (types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS, _files_changed, None),
    (types.SHUTDOWN, _shut_down, None),
    (types.TEXT_DOCUMENT_HOVER, _hover, None),
    (types.TEXT_DOCUMENT_COMPLETION, _completion, _COMPLETION),
    (types.TEXT_DOCUMENT_DEFINITION, _definition, None),
    (types.TEXT_DOCUMENT_REFERENCES, _references, None),
    (types.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, _highlight, None),
    (types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, _symbols, None),
    (types.TEXT_DOCUMENT_PREPARE_RENAME, _prepare_rename, None),
    (types.TEXT_DOCUMENT_RENAME, _rename, _RENAME),
    (types.TEXT_DOCUMENT_FORMATTING, _format, None),
    (types.TEXT_DOCUMENT_CODE_ACTION, _fixes, _FIXES),
)
"""The protocol's messages, what is done with each, and what the server says of it at the start."""


def build_server() -> PolicyServer:
    """A server that nobody talks to yet."""
    server = PolicyServer()
    for method, answer, options in _ANSWERS:
        server.feature(method, options)(partial(answer, server))
    return server


def _is_fault(record: logging.LogRecord) -> bool:
    """Whether a line belongs into the log; a request refused with an answer does not."""
    return not (record.exc_info and isinstance(record.exc_info[1], JsonRpcException))


def serve() -> bool:
    """Answers on standard input and output until the editor says exit; whether it said before that it would."""
    server = build_server()
    logging.getLogger("pygls.protocol.json_rpc").addFilter(_is_fault)
    server.start_io()
    return server.was_shut_down
