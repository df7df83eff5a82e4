"""Reads the code blocks of a document: what language each is in, where it stands, what it says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
# A prompt, and its continuation lines as long as each ends in a backslash.
COMMAND = re.compile(r"^\$ (?P<line>(?:.*\\\n)*.*)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. `info` is what stands behind the fence: a language, and perhaps how it is run."""

    document: Path
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.document.name}:{self.line}"


@dataclass(frozen=True, slots=True)
class Command:
    """A command of a console block, and the lines shown under it."""

    line: str
    shown: str

    def matches(self, printed: str) -> bool:
        """Whether that was printed: `...` stands for any text, nothing shown for any output."""
        expected = ".*?".join(re.escape(part) for part in self.shown.strip().split("..."))
        return not self.shown.strip() or re.fullmatch(expected, printed.strip(), re.DOTALL) is not None


def blocks_of(document: Path) -> Iterator[Block]:
    """The fenced blocks of a Markdown file in their order."""
    text = document.read_text()
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Block(document, line, match["info"].strip(), match["text"])


def commands_of(block: Block) -> list[Command]:
    """The commands of a console block; ValueError if a line stands before the first."""
    found = list(COMMAND.finditer(block.text))
    if not found or found[0].start() != 0:
        raise ValueError(f"{block}: a console block starts with `$ `")
    ends = [match.start() for match in found[1:]] + [len(block.text)]
    return [Command(match["line"], block.text[match.end() : end]) for match, end in zip(found, ends, strict=True)]
