"""Builds what writes checkpoints of the record, with the key that the settings name."""

import os

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.authn.private_files import read_private
from service.config import Settings
from service.db.engine import Database
from service.decisions.checkpoint_writing import CheckpointWriter
from service.errors import ConfigError
from service.signing_keys import read_private_key


def build_checkpoints(settings: Settings, database: Database) -> CheckpointWriter:
    """Writes the checkpoints of this replica; ConfigError if the key cannot be used."""
    return CheckpointWriter(database, settings.checkpoints_path, load_checkpoint_key(settings))


def load_checkpoint_key(settings: Settings) -> Ed25519PrivateKey | None:
    """The key that signs checkpoints, None if there is none; ConfigError if others may read it or it is of no use."""
    file = settings.checkpoint_key
    if file is None:
        return None
    return read_private_key(f"checkpoint key `{file}`", read_private(file, "the checkpoint key"))


def check_checkpoint_file(settings: Settings) -> None:
    """ConfigError if this user could not write the file that the settings name; nothing is made.

    That in the data folder, where they name none, is made with it.
    """
    file = settings.checkpoint_file
    if file is None:
        return
    if os.access(file, os.F_OK):
        is_writable = file.is_file() and os.access(file, os.R_OK | os.W_OK)
    else:
        is_writable = os.access(file.parent, os.W_OK | os.X_OK)
    if not is_writable:
        raise ConfigError(
            f"`checkpoint_file` is `{file}`, which cannot be written"
            "\nhelp: its folder must be there, and both open to who runs the service"
        )
