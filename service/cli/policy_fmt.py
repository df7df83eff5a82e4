"""`magistrate policy fmt`: puts policy files into the one layout that is theirs."""

import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Final

import click

from policy_lang.counts import counted
from policy_lang.diagnostics import Diagnostic, PolicyError
from policy_lang.formatting.formatter import format_policy
from policy_lang.source import SourceFile
from service.cli.settings import FINDINGS, reported
from service.errors import ConfigError, why
from service.policies.folder import read_paths
from service.whole_files import replacing

_LINE: Final = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class Formatted:
    """A file as it is, and as it should be."""

    path: Path
    before: str
    after: str

    @property
    def differs(self) -> bool:
        """Whether formatting changes the file."""
        return self.before != self.after

    @property
    def diff(self) -> str:
        """The change as a unified diff; nothing where there is none."""
        before, after = (_LINE.findall(text) for text in (self.before, self.after))
        lines = unified_diff(before, after, str(self.path), str(self.path))
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


@click.command("fmt")
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--check", "is_check", is_flag=True, help="Write nothing; exit code 1 if a file would change.")
@click.option("--diff", "is_diff", is_flag=True, help="Write nothing; show what would change.")
def fmt(paths: tuple[Path, ...], is_check: bool, is_diff: bool) -> None:
    """Write policies in their canonical layout: the files of PATH, and all below where it is a folder.

    Without PATH it is `policies`. Words, comments and paragraphs stay as they are. If one file does not parse, none is
    written, and the exit code is 1.
    """
    with reported():
        files = format_files(paths or (Path("policies"),))
        changed = [file for file in files if file.differs]
        if is_diff:
            click.echo("".join(file.diff for file in changed), nl=False)
        elif is_check:
            click.echo("".join(f"{file.path}\n" for file in changed), nl=False)
        else:
            for file in changed:
                _replace(file.path, file.after)
                click.echo(file.path)
    click.echo(_summary(len(changed), len(files), is_written=not (is_check or is_diff)), err=True)
    sys.exit(FINDINGS if is_check and changed else 0)


def format_files(paths: Iterable[Path]) -> list[Formatted]:
    """The files of those paths, formatted; PolicyError with every fault of all that do not parse, or ConfigError."""
    faults: list[Diagnostic] = []
    files: list[Formatted] = []
    for path, text in read_paths(paths).items():
        try:
            files.append(Formatted(path, text, format_policy(SourceFile(str(path), text))))
        except PolicyError as error:
            faults += error.diagnostics
    if faults:
        raise PolicyError(faults)
    return files


def _replace(path: Path, text: str) -> None:
    """Readers see the old text or the new, never a part; a link stays one, and the file keeps its mode."""
    real = path.resolve()
    try:
        mode = real.stat().st_mode
        with replacing(real) as file:
            file.write(text.encode())
            os.fchmod(file.fileno(), mode)
    except OSError as error:
        raise ConfigError(f"`{path}` cannot be written: {why(error)}") from error


def _summary(changed: int, total: int, *, is_written: bool) -> str:
    """`2 files formatted, 1 file unchanged`."""
    verb = "formatted" if is_written else "would be formatted"
    counts = {verb: changed, "unchanged": total - changed}
    return ", ".join(f"{counted(count, 'file')} {what}" for what, count in counts.items() if count)
