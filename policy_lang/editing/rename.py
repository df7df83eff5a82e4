"""Renames a name everywhere it stands, or says why that cannot be.

What a rename means is tried before it is offered: the new text is read and checked like any other. If it has a fault
that the old had not, or a name in it would stand for something else, there is no rename.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from policy_lang.checking.symbols import RESERVED
from policy_lang.diagnostics import Diagnostic
from policy_lang.editing.names import GIVEN, Kind, Occurrence, Symbol
from policy_lang.editing.project import Project
from policy_lang.source import Span
from policy_lang.syntax.unfinished import keywords

_NAME_HELP: Final = "a name has letters A–Z, digits and `_`, and begins with no digit"

_ALONE: Final = frozenset({Kind.MODULE, Kind.TYPE, Kind.GROUP, Kind.ROLE, Kind.RELATION, Kind.LET, Kind.FIXTURE})
"""What is read beside the words of the language, so that it should not be one, even where the parser can tell."""
_TAKEN: Final = frozenset({"E210", "E211"})
"""What says best why a new name cannot be: something has it."""


class CannotRename(Exception):
    """Why a name keeps its name, in one line."""


@dataclass(frozen=True, slots=True)
class Renaming:
    """The places to change, and what stands there then."""

    spans: tuple[Span, ...]
    name: str

    def apply(self, texts: Mapping[str, str]) -> dict[str, str]:
        """The texts with the change made."""
        changed = dict(texts)
        for span in sorted(self.spans, key=lambda span: span.start, reverse=True):
            text = changed[span.file.path]
            changed[span.file.path] = text[: span.start] + self.name + text[span.end :]
        return changed


def renamable(project: Project, path: str, offset: int) -> Occurrence:
    """The name at a place, if it may be renamed at all; CannotRename."""
    found = project.index.at(path, offset)
    if found is None:
        raise CannotRename("there is no name here that a bundle declares")
    fixed = [meant for meant in found.symbols if meant.kind in GIVEN]
    if fixed:
        raise CannotRename(f"`{found.span.text}` belongs to the language")
    return found


def rename(project: Project, path: str, offset: int, new: str) -> Renaming:
    """The rename of the name at a place; CannotRename."""
    found = renamable(project, path, offset)
    _refuse_word(new, found)
    broken = [path for path, reading in project.readings.items() if reading.parsed.tree is None]
    if broken:
        raise CannotRename(f"`{broken[0]}` does not parse: names in it might be missed")
    occurrences = project.index.everywhere(linked(project, found.symbols))
    renaming = Renaming(tuple(name.span for name in occurrences), new)
    if new != found.span.text:
        _try(project, renaming)
    return renaming


def linked(project: Project, symbols: frozenset[Symbol]) -> frozenset[Symbol]:
    """These, and all that some name in the text stands for beside one of them: they can only be renamed together."""
    reached, ahead = frozenset[Symbol](), symbols
    while ahead:
        reached |= ahead
        ahead = frozenset().union(*(name.symbols for name in project.index.everywhere(ahead))) - reached
    return reached


def _refuse_word(new: str, found: Occurrence) -> None:
    if not (new.isascii() and new.isidentifier()):
        raise CannotRename(f"`{new}` is no name: {_NAME_HELP}")
    stands_alone = any(meant.kind in _ALONE for meant in found.symbols)
    if new in RESERVED or (stands_alone and new in keywords().values()):
        raise CannotRename(f"`{new}` has a meaning of its own")


def _try(project: Project, renaming: Renaming) -> None:
    """Refuses what would break the bundle or change what a name stands for."""
    new = renaming.name
    after = project.with_texts(renaming.apply(project.texts))
    if not after.is_sound:
        why = "is a word of the language" if new in keywords().values() else "does not parse"
        raise CannotRename(f"`{new}` {why} where the name stands")
    fault = _new_fault(project, after)
    if fault:
        raise CannotRename(fault)
    _refuse_other_meaning(project, after, new)


def _refuse_other_meaning(before: Project, after: Project, new: str) -> None:
    """Refuses unless names that meant the same mean the same, and names that did not do not."""
    images: dict[frozenset[Symbol], frozenset[Symbol]] = {}
    origins: dict[frozenset[Symbol], frozenset[Symbol]] = {}
    for path in before.readings:
        names, renamed = before.index.occurrences(path), after.index.occurrences(path)
        if len(names) != len(renamed):
            raise CannotRename(f"`{new}` would change what a name means in `{path}`")
        for name, now in zip(names, renamed, strict=True):
            is_given = any(meant.kind in GIVEN for meant in (*name.symbols, *now.symbols))
            image = images.setdefault(name.symbols, name.symbols if is_given else now.symbols)
            if image != now.symbols or origins.setdefault(now.symbols, name.symbols) != name.symbols:
                raise CannotRename(f"`{new}` would change what `{name.span.text}` means in {now.span.location}")


def _new_fault(before: Project, after: Project) -> str:
    """What the new text has wrong, of a kind that its file had less often."""
    old, now = (Counter(map(_place, _all(project))) for project in (before, after))
    new = [found for found in _all(after) if now[_place(found)] > old[_place(found)]]
    new.sort(key=lambda found: found.code not in _TAKEN)
    return f"{new[0].message} ({new[0].span.location})" if new else ""


def _all(project: Project) -> list[Diagnostic]:
    return list(project.examined.faults)


def _place(found: Diagnostic) -> tuple[str, str]:
    return found.span.file.path, found.code
