"""Checks a backup: each copy is the one that the manifest tells of, opens, is whole, and holds what is told."""

from pathlib import Path
from typing import Final

from service.db.backup import manifest as manifests
from service.db.backup import postgresql_copy, sqlite_copy
from service.db.backup.manifest import Manifest, Part
from service.errors import BackupUnusable

_KINDS: Final = ["facts", "log"]


def verify(folder: Path) -> Manifest:
    """The manifest of a backup that is good; BackupUnusable says what is not."""
    found = manifests.read(folder)
    if [part.kind for part in found.parts] != _KINDS:
        raise BackupUnusable(f"`{folder}` does not hold the facts and the log")
    for part in found.parts:
        _verify(folder, part)
    return found


def _verify(folder: Path, part: Part) -> None:
    file = folder / part.file
    if Path(part.file).name != part.file or not file.is_file():
        raise BackupUnusable(f"the backup lacks `{part.file}`")
    if file.stat().st_size != part.size or manifests.digest(file) != part.sha256:
        raise BackupUnusable(f"`{file}` is not what was backed up: its size or its digest differs")
    reader = sqlite_copy.contents if part.engine == "sqlite" else postgresql_copy.contents
    holds = reader(file, part.kind)
    if (holds.version, holds.rows, holds.revision) != (part.version, part.rows, part.revision):
        raise BackupUnusable(f"`{file}` does not hold what the manifest says")
