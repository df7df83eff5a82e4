"""The form of what is signed about the log: one line of JSON with sorted keys, perhaps with a signature in it.

What is signed is the line without its signature, behind a prefix that says what it is, so that a signature made for
anything else is none here. A line has one form: what was written otherwise is not read.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, BeforeValidator, ConfigDict

from policy_lang.types import Json
from service.signing_keys import is_signed_by

Fields = dict[str, Json]


class Form(BaseModel):
    """What a line of some kind must say, no more and no less."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _from_hex(text: object) -> bytes:
    if not isinstance(text, str) or text != text.lower():
        raise ValueError("expected bytes in hexadecimal digits")
    return bytes.fromhex(text)


Hex = Annotated[bytes, BeforeValidator(_from_hex)]
"""Bytes that a line has in hexadecimal digits."""


class BadLine(ValueError):
    """A text that is no such line."""


@dataclass(frozen=True, slots=True)
class SignedLine:
    """What a line says, without its signature; the line itself; and the signature if it has one."""

    fields: Fields
    line: str
    signature: bytes | None


def write_line(prefix: bytes, fields: Fields, key: Ed25519PrivateKey | None) -> str:
    """The line, without its end; signed if there is a key."""
    if key is None:
        return _bytes(fields).decode()
    return _bytes(fields | {"signature": key.sign(prefix + _bytes(fields)).hex()}).decode()


def read_line(line: str) -> SignedLine:
    """What a line says; BadLine if it is not in the form in which lines are written."""
    try:
        fields = orjson.loads(line)
        if not isinstance(fields, dict) or _bytes(fields) != line.encode():
            raise BadLine("it is not in the form that such lines are written in")
        signature = fields.pop("signature", None)
        return SignedLine(fields, line, None if signature is None else bytes.fromhex(signature))
    except (ValueError, TypeError) as error:
        raise BadLine(str(error)) from error


def is_line_signed(prefix: bytes, line: SignedLine, keys: tuple[Ed25519PublicKey, ...]) -> bool:
    """Whether it is signed by one of the keys."""
    signature = line.signature
    if signature is None:
        return False
    content = prefix + _bytes(line.fields)
    return any(is_signed_by(key, content, signature) for key in keys)


def hash_line(line: str) -> str:
    """What the next line of a sequence says of this one: its SHA-256."""
    return sha256(line.encode()).hexdigest()


def _bytes(fields: Fields) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
