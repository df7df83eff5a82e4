"""The form of a checkpoint: one line of JSON over the heads of all chains and the checkpoint before, perhaps signed.

What is signed is the line without its signature, behind a prefix of its own, so that a signature made for anything else
is none here; `previous` is the SHA-256 of the whole line before. Whoever has one line knows all that it follows from.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from policy_lang.types import Json
from service.decisions.chain import Head
from service.signing_keys import is_signed_by

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
    """A checkpoint, the line that it was read from, and its signature if it has one."""

    content: Checkpoint
    line: str
    signature: bytes | None


def write_checkpoint(content: Checkpoint, key: Ed25519PrivateKey | None) -> str:
    """The line of a checkpoint, without its end; signed if there is a key."""
    fields = _fields(content)
    if key is not None:
        fields["signature"] = key.sign(_PREFIX + _bytes(fields)).hex()
    return _bytes(fields).decode()


def read_checkpoint(line: str) -> WrittenCheckpoint:
    """The checkpoint in a line; BadCheckpoint if there is none in it."""
    try:
        fields = orjson.loads(line)
        if fields["format"] != FORMAT:
            raise BadCheckpoint(f"this version reads checkpoints of form {FORMAT}")
        signature = fields.get("signature")
        content = Checkpoint(
            number=int(fields["number"]),
            time=int(fields["time"]),
            previous=str(fields["previous"]),
            heads=tuple(
                Head(str(head["replica"]), int(head["sequence"]), bytes.fromhex(head["hash"]))
                for head in fields["heads"]
            ),
            unchained=int(fields["unchained"]),
            unchained_last=None if fields["unchained_last"] is None else str(fields["unchained_last"]),
        )
        written = WrittenCheckpoint(content, line, None if signature is None else bytes.fromhex(signature))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadCheckpoint(f"no checkpoint: {error}") from error
    if _bytes(_fields(content) | ({} if signature is None else {"signature": signature})) != line.encode():
        raise BadCheckpoint("no checkpoint: it is not in the form that checkpoints are written in")
    return written


def follows(checkpoint: Checkpoint, before: WrittenCheckpoint) -> bool:
    """Whether a checkpoint says that it comes after that one."""
    return checkpoint.number == before.content.number + 1 and checkpoint.previous == hash_line(before.line)


def hash_line(line: str) -> str:
    """What the next checkpoint says of this one."""
    return sha256(line.encode()).hexdigest()


def is_signed(checkpoint: WrittenCheckpoint, keys: tuple[Ed25519PublicKey, ...]) -> bool:
    """Whether it is signed by one of the keys."""
    signature = checkpoint.signature
    if signature is None:
        return False
    content = _PREFIX + _bytes(_fields(checkpoint.content))
    return any(is_signed_by(key, content, signature) for key in keys)


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


def _bytes(fields: dict[str, Json]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
