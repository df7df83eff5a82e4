"""What checked policies come to as a whole: the program, and the digest of its texts."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from policy_lang.probes import Probe
from policy_lang.source import SourceFile
from policy_lang.typed import Program


@dataclass(frozen=True, slots=True)
class Bundle:
    """A loaded bundle. `digest` is the SHA-256, in hex, of its paths and texts; equal bundles have equal digests.

    `probes` is what coverage watches, by type of resource; an image carries none.
    """

    program: Program
    digest: str
    files: tuple[SourceFile, ...]
    probes: Mapping[str, tuple[Probe, ...]] = field(default_factory=dict)


def digest_of(files: Iterable[SourceFile]) -> str:
    """The digest of files by path; each path and text goes in behind its length, so that no two run together."""
    digest = hashlib.sha256()
    for file in files:
        for part in (file.path, file.text):
            encoded = part.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()
