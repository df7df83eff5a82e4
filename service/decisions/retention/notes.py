"""The form of a note: one signed line that says which records were taken out of the log, when, by whom and why.

Law: a link may be without its record only where a note covers its place. A note names each place, by ranges, and the
chain that it was written of, by the hash of the last of them, so it covers nothing anywhere else. It never says whose
records they were. `previous` is the SHA-256 of the whole note before.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, ValidationError

from policy_lang.types import Json
from service.decisions.signed_lines import (
    BadLine,
    Form,
    Hex,
    SignedLine,
    hash_line,
    is_line_signed,
    read_line,
    write_line,
)

FORMAT: Final = 1
"""The form that this version writes, and the only one it reads."""

_PREFIX: Final = b"magistrate note 1\n"

Range = tuple[int, int]
"""The first and the last of places that follow each other."""


class BadNote(ValueError):
    """A line that is no note of this form."""


class NoteKind(Enum):
    """Why records were taken out."""

    EXPIRED = "expired"
    """They were older than they are kept."""
    ERASED = "erased"
    """Somebody had them erased."""


@dataclass(frozen=True, slots=True)
class Covered:
    """The places of one chain that a note covers, in rising ranges, and the hash of the link at the last of them."""

    replica: str
    ranges: tuple[Range, ...]
    hash: bytes

    @property
    def last(self) -> int:
        """The last place."""
        return self.ranges[-1][1]

    @property
    def records(self) -> int:
        """How many places."""
        return sum(last - first + 1 for first, last in self.ranges)

    def has(self, sequence: int) -> bool:
        """Whether it covers that place."""
        at = bisect_right(self.ranges, sequence, key=_first) - 1
        return at >= 0 and sequence <= self.ranges[at][1]


@dataclass(frozen=True, slots=True)
class Note:
    """What was taken out at a moment (`time`, milliseconds since 1970 UTC), by one chain at most once in `chains`.

    `unchained` is how many records went that are in no chain, for they are from before the chains.
    """

    number: int
    time: int
    previous: str
    kind: NoteKind
    by: str
    reason: str
    chains: tuple[Covered, ...]
    unchained: int

    @property
    def records(self) -> int:
        """How many records went."""
        return self.unchained + sum(chain.records for chain in self.chains)

    def of(self, replica: str) -> Covered | None:
        """What it covers of one chain."""
        return next((chain for chain in self.chains if chain.replica == replica), None)


@dataclass(frozen=True, slots=True)
class WrittenNote:
    """A note, and what it was read from."""

    content: Note
    source: SignedLine

    @property
    def line(self) -> str:
        """The line that it was read from."""
        return self.source.line


def write_note(content: Note, key: Ed25519PrivateKey | None) -> str:
    """The line of a note, without its end; signed if there is a key."""
    return write_line(_PREFIX, _fields(content), key)


def read_note(line: str) -> WrittenNote:
    """The note in a line; BadNote if there is none in it."""
    try:
        source = read_line(line)
        form = _Form.model_validate(source.fields)
    except (BadLine, ValidationError) as error:
        raise BadNote(f"no note: {error}") from error
    chains = tuple(
        Covered(chain.replica, tuple((first, last) for first, last in chain.ranges), chain.hash)
        for chain in form.chains
    )
    if not all(_is_rising(chain.ranges) for chain in chains) or len({each.replica for each in chains}) < len(chains):
        raise BadNote("no note: its places are not in order")
    content = Note(
        number=form.number,
        time=form.time,
        previous=form.previous,
        kind=NoteKind(form.kind),
        by=form.by,
        reason=form.reason,
        chains=chains,
        unchained=form.unchained,
    )
    return WrittenNote(content, source)


def note_follows(note: Note, before: WrittenNote) -> bool:
    """Whether a note says that it comes after that one."""
    return note.number == before.content.number + 1 and note.previous == hash_line(before.line)


def is_note_signed(note: WrittenNote, keys: tuple[Ed25519PublicKey, ...]) -> bool:
    """Whether it is signed by one of the keys."""
    return is_line_signed(_PREFIX, note.source, keys)


def ranges_of(sequences: Iterable[int]) -> tuple[Range, ...]:
    """Rising places as ranges."""
    ranges: list[Range] = []
    for sequence in sequences:
        if ranges and ranges[-1][1] == sequence - 1:
            ranges[-1] = (ranges[-1][0], sequence)
        else:
            ranges.append((sequence, sequence))
    return tuple(ranges)


class _Covered(Form):
    replica: str
    ranges: Annotated[list[Annotated[list[int], Field(min_length=2, max_length=2)]], Field(min_length=1)]
    hash: Hex


class _Form(Form):
    format: Literal[1]
    number: int
    time: int
    previous: str
    kind: Literal["expired", "erased"]
    by: str
    reason: str
    chains: list[_Covered]
    unchained: Annotated[int, Field(ge=0)]


def _fields(content: Note) -> dict[str, Json]:
    return {
        "format": FORMAT,
        "number": content.number,
        "time": content.time,
        "previous": content.previous,
        "kind": content.kind.value,
        "by": content.by,
        "reason": content.reason,
        "chains": [
            {"replica": each.replica, "ranges": [list(pair) for pair in each.ranges], "hash": each.hash.hex()}
            for each in content.chains
        ],
        "unchained": content.unchained,
    }


def _first(pair: Range) -> int:
    return pair[0]


def _is_rising(ranges: tuple[Range, ...]) -> bool:
    before = 0
    for first, last in ranges:
        if not before < first <= last:
            return False
        before = last
    return True
