"""Makes and compares the MACs of keys' secrets, under peppers that stand in files and never in the database.

Several may be loaded: new secrets go under the first, and those that went under another stay good while it is listed.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from service.authn.api_keys.api_key import Mac
from service.authn.private_files import create_private, read_private
from service.config import PepperSettings
from service.errors import ConfigError, NotConfigured

BYTES: Final = 32
"""A pepper is at least as long as the MAC's output (RFC 2104 section 3)."""
_DEV: Final = "dev"

MakeMac = Callable[[bytes, bytes], bytes]
"""Gives the MAC of a text under a pepper."""


def hmac_sha256(pepper: bytes, text: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104)."""
    return hmac.digest(pepper, text, "sha256")


class Peppers:
    """The peppers that are loaded, by their ids; the first is the one that new secrets go under."""

    def __init__(self, loaded: Mapping[str, bytes], make: MakeMac = hmac_sha256) -> None:
        self._loaded = dict(loaded)
        self._make = make
        self._stand_in = secrets.token_bytes(BYTES)

    def mac(self, secret: str) -> Mac:
        """The MAC of a new secret; NotConfigured where no pepper is loaded."""
        for id_, pepper in self._loaded.items():
            return Mac(id_, self._make(pepper, secret.encode()))
        raise NotConfigured("this service makes no API keys: its settings list no `peppers`")

    def matches(self, known: Mac, secret: str) -> bool:
        """Whether that is the secret. It does the same whatever the answer, also where the pepper is not loaded."""
        pepper = self._loaded.get(known.pepper)
        made = self._make(self._stand_in if pepper is None else pepper, secret.encode())
        return hmac.compare_digest(made, known.digest) & (pepper is not None)


def load_peppers(listed: Sequence[PepperSettings], *, dev_folder: Path | None = None) -> Peppers:
    """The peppers of the files; without any, one that is made in the folder of the dev keys, where there is one.

    ConfigError if a file is absent, short, or open to others.
    """
    if not listed and dev_folder is not None:
        file = dev_folder / "pepper"
        dev_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        create_private(file, secrets.token_hex(BYTES).encode() + b"\n")
        return Peppers({_DEV: _load(file)})
    loaded: dict[str, bytes] = {}
    for each in listed:
        if each.id in loaded:
            raise ConfigError(f"the pepper `{each.id}` is listed twice")
        loaded[each.id] = _load(each.file)
    return Peppers(loaded)


def _load(file: Path) -> bytes:
    """One line break at the file's end is not part of the pepper; every other byte is."""
    pepper = read_private(file, "the pepper").removesuffix(b"\n").removesuffix(b"\r")
    if len(pepper) < BYTES:
        raise ConfigError(
            f"the pepper `{file}` has {len(pepper)} bytes, at least {BYTES} are needed\n"
            f"help: `(umask 077; openssl rand -hex -out {file} {BYTES})` makes one"
        )
    return pepper
