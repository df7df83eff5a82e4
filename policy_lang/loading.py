"""Loads a bundle: policy files in, a checked program out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from policy_lang.bundle import Bundle, digest_of
from policy_lang.checking.case_check import check_tests
from policy_lang.checking.instances import with_instances
from policy_lang.checking.resolve import resolve
from policy_lang.checking.symbols import Faults, Symbols, TooManyFaults
from policy_lang.checking.typecheck import CheckedRules, check_rules
from policy_lang.diagnostics import Diagnostic, PolicyError, in_order
from policy_lang.folder import read_folder
from policy_lang.source import SourceFile
from policy_lang.syntax.parser import Parsed, parse
from policy_lang.syntax.statements import File
from policy_lang.typed import Program
from policy_lang.uncollected import uncollected


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
