"""Loads a bundle: policy files in, a checked program out."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from policy_lang.checking.case_check import check_tests
from policy_lang.checking.instances import with_instances
from policy_lang.checking.resolve import resolve
from policy_lang.checking.symbols import Faults, Symbols, TooManyFaults
from policy_lang.checking.typecheck import CheckedRules, check_rules
from policy_lang.diagnostics import Diagnostic, PolicyError, in_order
from policy_lang.limits import BUNDLE_LIMIT
from policy_lang.probes import Probe
from policy_lang.source import SourceFile
from policy_lang.syntax.parser import Parsed, parse
from policy_lang.syntax.statements import File
from policy_lang.typed import Program
from policy_lang.uncollected import uncollected

SUFFIX = ".policy"
"""How the names of policy files end."""


class BundleError(Exception):
    """A folder that gives no policy text: absent, empty, unreadable, not UTF-8, too large."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A loaded bundle. `digest` is the SHA-256, in hex, of its paths and texts; equal bundles have equal digests.

    `probes` is what coverage watches, by type of resource; an image carries none.
    """

    program: Program
    digest: str
    files: tuple[SourceFile, ...]
    probes: Mapping[str, tuple[Probe, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Examined:
    """What texts came to, whole or faulty: their trees and every fault, sorted.

    `symbols` and `checked` are None where a file does not parse, `program` where there is any fault.
    """

    files: tuple[SourceFile, ...]
    trees: tuple[File, ...]
    faults: tuple[Diagnostic, ...]
    symbols: Symbols | None = None
    checked: CheckedRules | None = None
    program: Program | None = None


def read(texts: Mapping[str, str]) -> tuple[Parsed, ...]:
    """What each file (path → text) gave, by path."""
    return tuple(parse(SourceFile(path, text)) for path, text in sorted(texts.items()))


def examine(parsed: Sequence[Parsed]) -> Examined:
    """Types the files that were parsed, by path, and notes all that is wrong."""
    files = tuple(found.file for found in parsed)
    trees = tuple(found.tree for found in parsed if found.tree is not None)
    faults = [fault for found in parsed for fault in found.faults]
    if faults:
        return Examined(files, trees, in_order(faults))
    noted = Faults()
    try:
        symbols = with_instances(resolve(trees, noted), trees, noted)
        checked = check_rules(symbols, noted)
        tests = check_tests(symbols, noted)
    except TooManyFaults:
        return Examined(files, trees, in_order(noted.found))
    program = None if len(noted) else Program(symbols.schema, checked.rules, tests)
    return Examined(files, trees, in_order(noted.found), symbols, checked, program)


def load(texts: Mapping[str, str]) -> Bundle:
    """The bundle of these files (path → text). PolicyError with everything that is wrong, sorted."""
    with uncollected():
        found = examine(read(texts))
    return bundle_of(found)


def bundle_of(found: Examined) -> Bundle:
    """The bundle that files came to. PolicyError with everything that is wrong with them."""
    if found.program is None or found.checked is None:
        raise PolicyError(found.faults)
    return Bundle(found.program, digest_of(found.files), found.files, found.checked.probes)


def load_folder(folder: Path) -> Bundle:
    """The bundle of every policy file in the folder and below. BundleError, or PolicyError as `load`."""
    return load(read_folder(folder))


def read_folder(folder: Path) -> dict[str, str]:
    """Path, as seen from the folder, → text, of every policy file in the folder and below; BundleError."""
    if not folder.is_dir():
        raise BundleError(f"no policy folder at `{folder}`")
    texts: dict[str, str] = {}
    size = 0
    for path in sorted(policy_files(folder)):
        name = path.relative_to(folder).as_posix()
        texts[name] = read_file(path)
        size += len(texts[name])
        if size > BUNDLE_LIMIT:
            raise BundleError(f"the policies in `{folder}` have more than {BUNDLE_LIMIT} characters")
    if not texts:
        raise BundleError(f"no `*{SUFFIX}` file in `{folder}`")
    return texts


def policy_files(folder: Path) -> Iterator[Path]:
    """Every policy file, hidden folders left out; a folder that cannot be read is an error, or a deny might be lost."""
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in names if name.endswith(SUFFIX) and not name.startswith("."))


def _refuse(error: OSError) -> None:
    raise BundleError(f"cannot read `{error.filename}`: {_why(error)}") from error


def _why(error: OSError) -> str:
    return (error.strerror or "unknown error").lower()


def read_file(path: Path) -> str:
    """The text of one policy file; BundleError."""
    if path.exists() and not path.is_file():
        raise BundleError(f"`{path}` is no file")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BundleError(f"`{path}` is not UTF-8 (byte {error.start})") from error
    except OSError as error:
        raise BundleError(f"cannot read `{path}`: {_why(error)}") from error


def digest_of(files: Iterable[SourceFile]) -> str:
    """The digest of files by path; each path and text goes in behind its length, so that no two run together."""
    digest = hashlib.sha256()
    for file in files:
        for part in (file.path, file.text):
            encoded = part.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()
