"""Says which bundle a document belongs to, and reads the files of one.

The folder of a bundle is the topmost one that holds policy files, from the document's own up to the workspace folder
that it lies in. A document without a file is a bundle of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit
from urllib.request import url2pathname

from policy_lang.folder import SUFFIX, BundleError, policy_files, read_file


@dataclass(frozen=True, slots=True)
class Root:
    """A bundle: its folder, or the address of the one document that it has."""

    folder: Path | None
    uri: str

    def path(self, uri: str) -> str:
        """A document's path as findings name it."""
        file = to_path(uri)
        if self.folder is None or file is None:
            return PurePosixPath(urlsplit(uri).path).name or "untitled"
        return file.relative_to(self.folder).as_posix()

    def uri_of(self, path: str) -> str:
        """The address of a file of the bundle."""
        if self.folder is None:
            return self.uri
        return (self.folder / path).as_uri()


@dataclass(frozen=True, slots=True)
class Stored:
    """What the files of a bundle hold, and why some could not be read, by path."""

    texts: dict[str, str]
    unreadable: dict[str, str]


def to_path(uri: str) -> Path | None:
    """The file of an address; None where it names no file."""
    parts = urlsplit(uri)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" and parts.path.startswith("/") else None


def find_root(uri: str, workspace: Iterable[Path]) -> Root:
    """The bundle that a document belongs to."""
    file = to_path(uri)
    if file is None:
        return Root(None, uri)
    around = [folder for folder in workspace if file.is_relative_to(folder)]
    top = max(around, key=lambda folder: len(folder.parts), default=file.parent)
    above = [folder for folder in file.parents if folder.is_relative_to(top)]
    holding = [folder for folder in above if any(folder.glob(f"*{SUFFIX}"))]
    folder = holding[-1] if holding else file.parent
    return Root(folder, folder.as_uri())


def read_stored(root: Root) -> Stored:
    """The files of a bundle as they are on the disk."""
    stored = Stored({}, {})
    if root.folder is None or not root.folder.is_dir():
        return stored
    try:
        paths = sorted(policy_files(root.folder))
    except BundleError as error:
        stored.unreadable[""] = str(error)
        return stored
    for path in paths:
        name = path.relative_to(root.folder).as_posix()
        try:
            stored.texts[name] = read_file(path)
        except BundleError as error:
            stored.unreadable[name] = str(error)
    return stored
