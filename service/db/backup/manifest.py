"""The manifest of a backup: what each copy holds, how large it is, and its digest; written last."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from service.db.versions import Kind
from service.errors import BackupUnusable

NAME: Final = "manifest.json"
"""Its file; a folder without one is no backup."""

Engine = Literal["sqlite", "postgresql"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Strict):
    """One copy: its file, the version of its tables, and the rows of each; of facts also the revision."""

    kind: Kind
    engine: Engine
    file: str
    size: int
    sha256: str
    version: str
    rows: Mapping[str, int]
    revision: str | None = None


class Manifest(_Strict):
    """What a backup says of itself; times are RFC 3339. The facts come first, as they were copied first."""

    format: Literal[1] = 1
    begun_at: str
    ended_at: str
    made_by: str
    parts: tuple[Part, ...]


def write(folder: Path, manifest: Manifest) -> None:
    """Writes it into the folder, for its owner alone."""
    file = folder / NAME
    file.touch(mode=0o600)
    file.write_text(manifest.model_dump_json(indent=2) + "\n")


def read(folder: Path) -> Manifest:
    """The manifest of a folder; BackupUnusable where there is none that this version understands."""
    try:
        return Manifest.model_validate_json((folder / NAME).read_bytes())
    except OSError as error:
        raise BackupUnusable(f"`{folder}` is no whole backup: it has no `{NAME}`") from error
    except ValidationError as error:
        raise BackupUnusable(f"`{folder / NAME}` is damaged, or of another version of magistrate") from error


def digest(file: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
