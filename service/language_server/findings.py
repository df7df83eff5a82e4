"""Publishes what is wrong with a bundle, a moment after its last change, for every file that it concerns."""

import asyncio
from operator import itemgetter
from typing import Final, Protocol

from lsprotocol import types

from policy_lang.editing.fixes import related
from service.language_server.answers import SOURCE, Writer
from service.language_server.desk import Desk, Work
from service.language_server.folders import Root
from service.language_server.judging import judge

QUIET: Final = 0.15
"""Seconds without a change before a bundle is judged."""

_TOP: Final = types.Range(types.Position(0, 0), types.Position(0, 0))


class Editor(Protocol):
    """Whom findings are told."""

    @property
    def encoding(self) -> str:
        """How columns count."""
        ...

    def text_document_publish_diagnostics(self, params: types.PublishDiagnosticsParams) -> None:
        """Replaces what was told of a document."""
        ...

    def window_log_message(self, params: types.LogMessageParams) -> None:
        """Writes a line into the editor's log."""
        ...


class Publisher:
    """Judges bundles one after the other, off the loop, so that questions are answered meanwhile."""

    def __init__(self, editor: Editor, desk: Desk) -> None:
        self._editor = editor
        self._desk = desk
        self._due: dict[Root, float] = {}
        self._told: dict[str, list[types.Diagnostic]] = {}
        self._task: asyncio.Task[None] | None = None

    def touch(self, root: Root) -> None:
        """Notes that a bundle has changed."""
        loop = asyncio.get_running_loop()
        self._due[root] = loop.time() + QUIET
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._work())

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._due:
            root, due = min(self._due.items(), key=itemgetter(1))
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
                continue
            del self._due[root]
            await self._judge(root)

    async def _judge(self, root: Root) -> None:
        """Finds what is wrong with a bundle as it stands, and tells it unless that is out of date by now."""
        work = self._desk.work(root)
        project, before, earlier = work.project, work.checked, work.findings
        findings = await asyncio.to_thread(judge, project, before, earlier)
        if root in self._due or self._desk.work(root).project is not project:
            return
        work.checked, work.findings = project, findings
        self._tell(root, work)

    def _tell(self, root: Root, work: Work) -> None:
        uris = self._desk.uris(root)
        writer = Writer(uris, self._editor.encoding)
        told = {
            uris[path]: [writer.diagnostic(finding, related(finding, work.project)) for finding in found]
            for path, found in work.findings.items()
        }
        for path, why in work.stored.unreadable.items():
            told[uris[path]] = [types.Diagnostic(_TOP, why, types.DiagnosticSeverity.Error, source=SOURCE)]
        for uri in [uri for uri in self._told if uri not in told and self._desk.root(uri) == root]:
            told[uri] = []
        for uri, diagnostics in told.items():
            self._publish(uri, diagnostics)
        self._log(len(work.project.readings), work.project.count)

    def _publish(self, uri: str, diagnostics: list[types.Diagnostic]) -> None:
        """Tells what is new: nothing for a document of which nothing was told and nothing is to be said."""
        version = self._desk.version(uri)
        if diagnostics != self._told.get(uri, None if version is not None else []):
            self._editor.text_document_publish_diagnostics(
                types.PublishDiagnosticsParams(uri, diagnostics, version=version)
            )
        self._told[uri] = diagnostics

    def _log(self, files: int, read: int) -> None:
        message = f"checked {files} files, read {read} of them again"
        self._editor.window_log_message(types.LogMessageParams(types.MessageType.Log, message))
