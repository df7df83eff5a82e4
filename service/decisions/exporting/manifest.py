"""The manifest of an export: one signed line that says what the file holds, of which chains, and which file it is."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import ValidationError

from policy_lang.types import Json
from service.decisions.chain import Head
from service.decisions.signed_lines import (
    BadLine,
    Fields,
    Form,
    Hex,
    SignedLine,
    is_line_signed,
    read_line,
    write_line,
)

FORMAT: Final = 1

_PREFIX: Final = b"magistrate export 1\n"


class BadManifest(ValueError):
    """A text that is no manifest of this form."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The file: how many bytes and lines, and its SHA-256; how many records are in it, and how many in no chain."""

    bytes: int
    lines: int
    sha256: str
    records: int
    unchained: int


@dataclass(frozen=True, slots=True)
class ExportedChain:
    """Of one chain: its first and last place in the file (0 where there is none), how many records, and its head."""

    first: int
    last: int
    records: int
    head: Head


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export says of itself; `time` is in milliseconds since 1970 UTC, `asked` what was asked for.

    Empty `asked` is everything. `key` is the fingerprint of the key that signs, None where none does.
    """

    time: int
    by: str
    asked: Fields
    contents: Contents
    chains: tuple[ExportedChain, ...]
    key: str | None


def fingerprint(key: Ed25519PublicKey) -> str:
    """The SHA-256 of the key as `openssl pkey -pubin -outform DER` writes it."""
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def files_of(path: Path) -> tuple[Path, Path]:
    """The file of lines and the manifest of an export at that path: beside a `.jsonl`, else in a folder."""
    if path.suffix == ".jsonl":
        return path, path.with_suffix(".manifest.json")
    return path / "records.jsonl", path / "manifest.json"


def write_manifest(manifest: Manifest, key: Ed25519PrivateKey | None) -> str:
    """The line of a manifest; signed if there is a key."""
    contents = manifest.contents
    chains: list[Json] = [
        {
            "replica": chain.head.replica,
            "first": chain.first,
            "last": chain.last,
            "records": chain.records,
            "head": {"sequence": chain.head.sequence, "hash": chain.head.hash.hex()},
        }
        for chain in manifest.chains
    ]
    fields: Fields = {
        "format": FORMAT,
        "time": manifest.time,
        "by": manifest.by,
        "asked": manifest.asked,
        "file": {"bytes": contents.bytes, "lines": contents.lines, "sha256": contents.sha256},
        "records": contents.records,
        "unchained": contents.unchained,
        "chains": chains,
        "key": manifest.key,
    }
    return write_line(_PREFIX, fields, key)


def read_manifest(text: str) -> tuple[Manifest, SignedLine]:
    """The manifest in a line, and what it was read from; BadManifest if there is none in it."""
    try:
        source = read_line(text)
        form = _Form.model_validate(source.fields)
    except (BadLine, ValidationError) as error:
        raise BadManifest(f"no manifest: {error}") from error
    contents = Contents(form.file.bytes, form.file.lines, form.file.sha256, form.records, form.unchained)
    chains = tuple(
        ExportedChain(chain.first, chain.last, chain.records, Head(chain.replica, chain.head.sequence, chain.head.hash))
        for chain in form.chains
    )
    return Manifest(form.time, form.by, form.asked, contents, chains, form.key), source


def is_manifest_signed(source: SignedLine, keys: tuple[Ed25519PublicKey, ...]) -> bool:
    """Whether it is signed by one of the keys."""
    return is_line_signed(_PREFIX, source, keys)


class _File(Form):
    bytes: int
    lines: int
    sha256: str


class _Head(Form):
    sequence: int
    hash: Hex


class _Chain(Form):
    replica: str
    first: int
    last: int
    records: int
    head: _Head


class _Form(Form):
    format: Literal[1]
    time: int
    by: str
    asked: dict[str, Any]
    file: _File
    records: int
    unchained: int
    chains: list[_Chain]
    key: str | None
