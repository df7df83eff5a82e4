"""The form of a checkpoint: one signed line over the heads of all chains and the checkpoint before.

`previous` is the SHA-256 of the whole line before: whoever has one line knows all that it follows from.
"""

from dataclasses import dataclass
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import ValidationError

from policy_lang.types import Json
from service.decisions.chain import Head
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

_PREFIX: Final = b"magistrate checkpoint 1\n"


class BadCheckpoint(ValueError):
    """A line that is no checkpoint of this form."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the chains were at a moment (`time`, milliseconds since 1970 UTC). `previous` is empty in the first.

    `unchained` and `unchained_last` say how many records were there before the chains began, and the last id of those.
    """

    number: int
    time: int
    previous: str
    heads: tuple[Head, ...]
    unchained: int
    unchained_last: str | None


@dataclass(frozen=True, slots=True)
class WrittenCheckpoint:
    """A checkpoint, and what it was read from."""

    content: Checkpoint
    source: SignedLine

    @property
    def line(self) -> str:
        """The line that it was read from."""
        return self.source.line


def write_checkpoint(content: Checkpoint, key: Ed25519PrivateKey | None) -> str:
    """The line of a checkpoint, without its end; signed if there is a key."""
    return write_line(_PREFIX, _fields(content), key)


def read_checkpoint(line: str) -> WrittenCheckpoint:
    """The checkpoint in a line; BadCheckpoint if there is none in it."""
    try:
        source = read_line(line)
        form = _Form.model_validate(source.fields)
    except (BadLine, ValidationError) as error:
        raise BadCheckpoint(f"no checkpoint: {error}") from error
    content = Checkpoint(
        number=form.number,
        time=form.time,
        previous=form.previous,
        heads=tuple(Head(head.replica, head.sequence, head.hash) for head in form.heads),
        unchained=form.unchained,
        unchained_last=form.unchained_last,
    )
    return WrittenCheckpoint(content, source)


def follows(checkpoint: Checkpoint, before: WrittenCheckpoint) -> bool:
    """Whether a checkpoint says that it comes after that one."""
    return checkpoint.number == before.content.number + 1 and checkpoint.previous == hash_line(before.line)


def is_signed(checkpoint: WrittenCheckpoint, keys: tuple[Ed25519PublicKey, ...]) -> bool:
    """Whether it is signed by one of the keys."""
    return is_line_signed(_PREFIX, checkpoint.source, keys)


class _Head(Form):
    replica: str
    sequence: int
    hash: Hex


class _Form(Form):
    format: Literal[1]
    number: int
    time: int
    previous: str
    heads: list[_Head]
    unchained: int
    unchained_last: str | None


def _fields(content: Checkpoint) -> dict[str, Json]:
    return {
        "format": FORMAT,
        "number": content.number,
        "time": content.time,
        "previous": content.previous,
        "heads": [
            {"replica": head.replica, "sequence": head.sequence, "hash": head.hash.hex()} for head in content.heads
        ],
        "unchained": content.unchained,
        "unchained_last": content.unchained_last,
    }
