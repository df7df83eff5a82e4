"""The files of one bundle as they stand in an editor: read again only where they changed, checked as a whole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from policy_lang.diagnostics import Diagnostic
from policy_lang.editing.index import Index
from policy_lang.loading import Examined, examine
from policy_lang.source import SourceFile
from policy_lang.syntax.parser import Parsed, parse
from policy_lang.syntax.partial import read_partial
from policy_lang.syntax.statements import File
from policy_lang.uncollected import uncollected

Findings = Mapping[str, tuple[Diagnostic, ...]]


@dataclass(frozen=True)
class Reading:
    """A file, what the parser says of it, and as much of its tree as there is."""

    parsed: Parsed

    @cached_property
    def tree(self) -> File | None:
        """The whole tree, or that of the sound statements."""
        return self.parsed.tree or read_partial(self.parsed.file)


@dataclass(frozen=True)
class Project:
    """A bundle's files, by path. A change makes another project, which keeps what did not change.

    `count` is how many files had to be read for it.
    """

    readings: Mapping[str, Reading] = field(default_factory=dict)
    count: int = 0

    def with_texts(self, texts: Mapping[str, str]) -> "Project":
        """The project of these texts (path → text), and no others."""
        kept = {path: found for path, found in self.readings.items() if texts.get(path) == found.parsed.file.text}
        new = {path: Reading(parse(SourceFile(path, text))) for path, text in texts.items() if path not in kept}
        if not new and len(kept) == len(self.readings):
            return self
        return Project(dict(sorted({**kept, **new}.items())), len(new))

    def file(self, path: str) -> SourceFile | None:
        """A file of the project."""
        found = self.readings.get(path)
        return None if found is None else found.parsed.file

    @property
    def texts(self) -> dict[str, str]:
        """Path → text of every file."""
        return {path: found.parsed.file.text for path, found in self.readings.items()}

    @cached_property
    def index(self) -> Index:
        """The names in the files, as far as they read."""
        return Index(tree for reading in self.readings.values() if (tree := reading.tree) is not None)

    @property
    def is_sound(self) -> bool:
        """Whether every file parses."""
        return all(found.parsed.tree is not None for found in self.readings.values())

    @cached_property
    def examined(self) -> Examined:
        """What the files come to, as `policy check` has it: names and types are judged when all of them parse."""
        with uncollected():
            return examine([reading.parsed for reading in self.readings.values()])

    @cached_property
    def faults(self) -> Findings:
        """Everything that is wrong, by file."""
        return self.by_file(self.examined.faults)

    def by_file(self, found: Iterable[Diagnostic]) -> Findings:
        """Findings by the file that they are of; nothing is said of a file as well."""
        by_path: dict[str, list[Diagnostic]] = {path: [] for path in self.readings}
        for finding in found:
            by_path[finding.span.file.path].append(finding)
        return {path: tuple(findings) for path, findings in by_path.items()}
