"""The bundles that an editor works on: their files on the disk, and over them the documents that are open."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from policy_lang.editing.project import Findings, Project
from policy_lang.source import SourceFile
from service.language_server.folders import Root, Stored, find_root, read_stored


@dataclass(frozen=True, slots=True)
class Document:
    """An open document: its text, and the version that the editor counts."""

    text: str
    version: int | None


@dataclass(slots=True)
class Work:
    """A bundle in hand; `checked` is the project that was judged last, with what was found."""

    stored: Stored
    project: Project = field(default_factory=Project)
    checked: Project = field(default_factory=Project)
    findings: Findings = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Where:
    """A document: its bundle, the project as it stands, and the document's path in it."""

    root: Root
    project: Project
    path: str

    @property
    def file(self) -> SourceFile | None:
        """The document's text."""
        return self.project.file(self.path)


class Desk:
    """Knows what is open, and keeps the project of every bundle that has an open document."""

    def __init__(self) -> None:
        self.folders: tuple[Path, ...] = ()
        self._open: dict[str, Document] = {}
        self._roots: dict[str, Root] = {}
        self._works: dict[Root, Work] = {}

    def put(self, uri: str, document: Document) -> Root:
        """Takes a document as it stands now; returns its bundle."""
        is_new = uri not in self._open
        self._open[uri] = document
        root = self.root(uri)
        if is_new:
            self.reread(root)
        return root

    def drop(self, uri: str) -> Root:
        """Forgets a document that was closed; what the disk has counts again."""
        root = self.root(uri)
        self._open.pop(uri, None)
        self._roots.pop(uri, None)
        self.reread(root)
        return root

    def root(self, uri: str) -> Root:
        """The bundle of a document."""
        if uri not in self._roots:
            self._roots[uri] = find_root(uri, self.folders)
        return self._roots[uri]

    def regroup(self) -> Iterable[Root]:
        """Looks at the folders again, since files came or went; returns every bundle that there is or was."""
        before = set(self._works)
        self._roots.clear()
        now = {self.root(uri) for uri in self._open}
        for root in before | now:
            self.reread(root)
        return before | now

    def reread(self, root: Root) -> None:
        """Reads a bundle's files from the disk; one without an open document is let go."""
        stored = read_stored(root) if self._is_open(root) else Stored({}, {})
        self._works.setdefault(root, Work(stored)).stored = stored

    def where(self, uri: str) -> Where:
        """A document in its bundle, as both stand now."""
        root = self.root(uri)
        return Where(root, self.work(root).project, root.path(uri))

    def work(self, root: Root) -> Work:
        """A bundle, its project made of the disk's files and the open documents."""
        work = self._works.setdefault(root, Work(Stored({}, {})))
        overlaid = {root.path(uri): found.text for uri, found in self._open.items() if self.root(uri) == root}
        work.project = work.project.with_texts({**work.stored.texts, **overlaid})
        return work

    def uris(self, root: Root) -> dict[str, str]:
        """Path → address of every file of a bundle, as the editor writes it where it is open."""
        work = self._works[root]
        paths = {*work.project.readings, *work.checked.readings, *work.stored.unreadable}
        return {path: root.uri_of(path) for path in paths} | self._opened(root)

    def version(self, uri: str) -> int | None:
        """The version of a document; None where it is not open."""
        found = self._open.get(uri)
        return None if found is None else found.version

    def _is_open(self, root: Root) -> bool:
        return any(self.root(uri) == root for uri in self._open)

    def _opened(self, root: Root) -> dict[str, str]:
        return {root.path(uri): uri for uri in self._open if self.root(uri) == root}
