"""Makes a backup of both databases: first the facts, then, when the record is shipped, the log.

Law: a change is recorded before it is committed, so whatever the copy of the facts holds has its record in a copy of
the log that is made later. The other way round a restored change could have no record. A record of a change that the
copy of the facts does not hold does no harm: it was made while the backup ran, and is as true as it was.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from service.db.backup import manifest as manifests
from service.db.backup import postgresql_copy, sqlite_copy
from service.db.backup.manifest import Manifest, Part
from service.db.engine import Database
from service.db.migration import State, status
from service.db.versions import Kind
from service.errors import BackupUnusable, SchemaOutdated

Ship = Callable[[], object]
"""Moves every record that is in the spool by now into the log."""


class Source:
    """A database to copy: opened, and the URL by which other programs reach it."""

    def __init__(self, kind: Kind, database: Database, url: str) -> None:
        self.kind: Final = kind
        self.database: Final = database
        self._url = url

    def copy(self, folder: Path) -> Part:
        """Copies it into the folder; SchemaOutdated where its tables are not of this version."""
        found = status(self.database, self.kind)
        if found.state is not State.CURRENT:
            where = f"the tables of the {self.kind} database {self.database.name}"
            raise SchemaOutdated(f"{where} are {found.state.value}\nhelp: run `magistrate db migrate`")
        file = folder / f"{self.kind}.{'sqlite' if self.database.file else 'dump'}"
        file.touch(mode=0o600)
        if self.database.file is not None:
            sqlite_copy.copy(self.database.file, file)
            holds = sqlite_copy.contents(file, self.kind)
        else:
            postgresql_copy.copy(self._url, self.kind, file)
            holds = postgresql_copy.contents(file, self.kind)
        return Part(
            kind=self.kind, engine="sqlite" if self.database.file else "postgresql", file=file.name,
            size=file.stat().st_size, sha256=manifests.digest(file),
            version=holds.version, rows=holds.rows, revision=holds.revision,
        )  # fmt: skip


def make(folder: Path, facts: Source, log: Source, *, ship: Ship, made_by: str) -> Manifest:
    """Makes a backup in a folder that is absent or empty; it is there when it is whole, and not before."""
    begun = _now()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BackupUnusable(f"`{folder}` is not empty\nhelp: name a folder for this backup alone")
        beside = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            first = facts.copy(beside)
            ship()
            parts = (first, log.copy(beside))
            made = Manifest(begun_at=begun, ended_at=_now(), made_by=made_by, parts=parts)
            manifests.write(beside, made)
            _settle([*sorted(beside.iterdir()), beside])
            beside.rename(folder)
            _settle([folder.parent])
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise BackupUnusable(f"the backup cannot be written to `{folder}`: {error.strerror}") from error
    return made


def _settle(paths: Sequence[Path]) -> None:
    """Has files and folders on their disk."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
