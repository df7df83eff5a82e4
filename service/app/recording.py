"""Builds what decides on the contents of records, with the key of hashed values."""

from typing import Final

from service.authn.private_files import read_private
from service.errors import ConfigError
from service.record_settings import RecordSettings
from service.recording.contents import Contents

KEY_BYTES: Final = 32
"""The shortest key."""


def build_contents(settings: RecordSettings) -> Contents:
    """The contents by the settings; ConfigError where the key cannot be used."""
    file = settings.mask_key_file
    if file is None:
        return Contents(settings)
    key = read_private(file, "the key of hashed values")
    if len(key) < KEY_BYTES:
        raise ConfigError(
            f"the key of hashed values `{file}` has {len(key)} bytes, {KEY_BYTES} are the least"
            f"\nhelp: `openssl rand -out {file} 32` makes one"
        )
    return Contents(settings, key)
