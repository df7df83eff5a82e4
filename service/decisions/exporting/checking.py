"""Verifies an export by public keys alone: its manifest, each record, how they follow, and what checkpoints have seen.

Memory is bounded by the number of chains and the places that notes name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from service.decisions.checkpoint import WrittenCheckpoint, is_signed
from service.decisions.exporting.chain_check import ChainCheck, CheckedChain
from service.decisions.exporting.lines import (
    BadExportLine,
    Bare,
    ExportLine,
    Recorded,
    Unchained,
    read_export_line,
)
from service.decisions.exporting.manifest import (
    BadManifest,
    Contents,
    Manifest,
    files_of,
    fingerprint,
    is_manifest_signed,
    read_manifest,
)
from service.decisions.faults import Fault, FaultKind, Faults
from service.decisions.retention.notes import Note, NoteKind, WrittenNote, is_note_signed
from service.errors import ConfigError, why

LINE_LIMIT: Final = 1 << 26
"""Bytes in one line."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was found: of each chain, and beside them. `manifest` is None where there is none that can be read.

    `is_signed` says that one of the given keys signed the manifest, `checkpoints` how many there are.
    """

    manifest: Manifest | None
    is_signed: bool
    chains: tuple[CheckedChain, ...]
    checkpoints: int
    unsigned_checkpoints: int
    erasures: tuple[Note, ...]
    unsigned_notes: int
    unchained: int
    faults: tuple[Fault, ...]
    fault_count: int

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.fault_count and not any(chain.fault_count for chain in self.chains)


def verify_export(path: Path, keys: tuple[Ed25519PublicKey, ...]) -> ExportReport:
    """Verifies the export at that path; ConfigError where its files cannot be read.

    Keys given, what none of them signed is a fault, and proves nothing.
    """
    lines, manifest_file = files_of(path)
    faults = Faults()
    try:
        manifest, is_signed_ = _manifest(manifest_file, keys, faults)
        check = _Check(keys, faults, is_whole=manifest is not None and not manifest.asked)
        contents = check.read(lines)
    except OSError as error:
        raise ConfigError(f"cannot read the export `{path}`: {why(error)}") from error
    if manifest is not None and contents != manifest.contents:
        told, found = manifest.contents, contents
        text = f"the manifest is of another file: {told.records} records in {told.lines} lines, digest {told.sha256}"
        faults.add(Fault(FaultKind.EXPORT, f"{text}; here are {found.records} in {found.lines}, {found.sha256}"))
    return check.report(manifest, is_signed=is_signed_)


def _manifest(file: Path, keys: tuple[Ed25519PublicKey, ...], faults: Faults) -> tuple[Manifest | None, bool]:
    try:
        manifest, source = read_manifest(file.read_text().removesuffix("\n"))
    except (BadManifest, UnicodeDecodeError):
        faults.add(Fault(FaultKind.EXPORT, f"`{file.name}` is no manifest"))
        return None, False
    if not keys:
        return manifest, False
    if not is_manifest_signed(source, keys):
        given = ", ".join(fingerprint(key) for key in keys)
        signed = "not signed" if manifest.key is None else f"signed by the key {manifest.key}, or so it says"
        faults.add(Fault(FaultKind.EXPORT, f"the manifest is {signed}, and not by the given key {given}"))
        return manifest, False
    return manifest, True


class _Check:
    """How far the file was read."""

    def __init__(self, keys: tuple[Ed25519PublicKey, ...], faults: Faults, *, is_whole: bool) -> None:
        self._keys = keys
        self._faults = faults
        self._is_whole = is_whole
        self._chains: dict[str, ChainCheck] = {}
        self._notes: dict[int, Note] = {}
        self._last = 0
        self._checkpoints = self._unsigned_checkpoints = self._unsigned_notes = 0
        self._records = self._unchained = 0

    def read(self, file: Path) -> Contents:
        """Reads the file once; what it holds."""
        digest = sha256()
        size = count = 0
        for count, line in enumerate(_lines_of(file), 1):
            digest.update(line)
            size += len(line)
            try:
                self._take(read_export_line(line.removesuffix(b"\n")))
            except BadExportLine:
                self._faults.add(Fault(FaultKind.EXPORT, f"line {count} is none of an export"))
        return Contents(size, count, digest.hexdigest(), self._records, self._unchained)

    def report(self, manifest: Manifest | None, *, is_signed: bool) -> ExportReport:
        """What was found, beside what the manifest tells."""
        told = {} if manifest is None else {chain.head.replica: chain for chain in manifest.chains}
        for replica in told:
            self._chain(replica)
        chains = tuple(chain.finish(told.get(replica)) for replica, chain in sorted(self._chains.items()))
        return ExportReport(
            manifest=manifest,
            is_signed=is_signed,
            chains=chains,
            checkpoints=self._checkpoints,
            unsigned_checkpoints=self._unsigned_checkpoints,
            erasures=tuple(note for note in self._notes.values() if note.kind is NoteKind.ERASED),
            unsigned_notes=self._unsigned_notes,
            unchained=self._unchained,
            faults=tuple(self._faults.first),
            fault_count=self._faults.count,
        )

    def _take(self, line: ExportLine) -> None:
        match line:
            case Recorded():
                self._records += 1
                self._chain(line.place.replica).record(line)
            case Bare():
                self._chain(line.place.replica).bare(line)
            case Unchained():
                self._records += 1
                self._unchained += 1
            case WrittenCheckpoint():
                self._see(line)
            case WrittenNote():
                self._note(line)

    def _see(self, checkpoint: WrittenCheckpoint) -> None:
        number = checkpoint.content.number
        self._checkpoints += 1
        self._unsigned_checkpoints += checkpoint.source.signature is None
        if number <= self._last:
            self._faults.add(Fault(FaultKind.CHECKPOINT, f"checkpoint {number} stands behind {self._last}"))
        self._last = number
        if self._keys and not is_signed(checkpoint, self._keys):
            text = f"checkpoint {number} is not signed by the given key, and proves nothing here"
            self._faults.add(Fault(FaultKind.CHECKPOINT, text))
            return
        for head in checkpoint.content.heads:
            if head.replica in self._chains or self._is_whole:
                self._chain(head.replica).see(number, head)

    def _note(self, note: WrittenNote) -> None:
        number = note.content.number
        self._unsigned_notes += note.source.signature is None
        if self._keys and not is_note_signed(note, self._keys):
            text = f"note {number} is not signed by the given key, and covers nothing here"
            self._faults.add(Fault(FaultKind.NOTE, text))
            return
        self._notes[number] = note.content

    def _chain(self, replica: str) -> ChainCheck:
        if replica not in self._chains:
            self._chains[replica] = ChainCheck(replica, self._notes, is_whole=self._is_whole)
        return self._chains[replica]


def _lines_of(file: Path) -> Iterator[bytes]:
    """The lines with their ends; one that is too long comes in pieces, of which none is a line."""
    with file.open("rb") as content:
        while line := content.readline(LINE_LIMIT):
            yield line
