"""The boot message, by which the supervisor tells a child all it needs; a child reads no file that could differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

import orjson

from service.config import Settings

LENGTH_BYTES: Final = 8


class BootError(Exception):
    """The message is cut short: the supervisor went away while it wrote it."""


@dataclass(frozen=True, slots=True)
class Boot:
    """The settings, and the policy files' texts by path, read once for all processes and all their restarts."""

    settings: Settings
    policies: Mapping[str, str]


def pack(boot: Boot) -> bytes:
    """The message as it travels: its length, then JSON."""
    payload = orjson.dumps({"settings": boot.settings.model_dump(mode="json"), "policies": dict(boot.policies)})
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload


def read_boot(stream: BinaryIO) -> Boot:
    """The next message of the stream; BootError if it ends before the message does."""
    payload = _read_exactly(stream, int.from_bytes(_read_exactly(stream, LENGTH_BYTES), "big"))
    fields = orjson.loads(payload)
    return Boot(Settings.model_validate(fields["settings"]), fields["policies"])


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    read = stream.read(size)
    if len(read) < size:
        raise BootError(f"the boot message ends after {len(read)} of {size} bytes")
    return read
