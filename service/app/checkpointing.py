"""Builds what writes checkpoints of the record, with the key that the settings name."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from service.authn.private_files import read_private
from service.config import Settings
from service.db.engine import Database
from service.decisions.checkpoint_writing import CheckpointWriter
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
