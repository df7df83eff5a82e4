"""The background process checkpoints what it shipped last, by a key that its owner alone may read."""

import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from service.app.background import run_background
from service.app.checkpointing import load_checkpoint_key
from service.config import Settings
from service.db.migration import migrate
from service.db.opening import open_database
from service.db.versions import Kind
from service.decisions.checkpoint import is_signed, read_checkpoint
from service.decisions.spool import Spool
from service.errors import ConfigError
from tests.service.decisions.chains import KEY
from tests.service.decisions.records import samples


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "checkpoint.pem"
    file.touch(mode=0o600)
    file.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return Settings(data=tmp_path / "data", checkpoint_key=file, replica_id="north")


def test_what_is_shipped_at_the_end_is_in_the_last_checkpoint(settings: Settings) -> None:
    kinds: list[tuple[Kind, str]] = [("facts", settings.database_url), ("log", settings.log_database_url)]
    for kind, url in kinds:
        database = open_database(url)
        migrate(database, kind)
        database.close()
    spool = Spool(settings.spool_folder, settings.spool)
    spool.record(samples(3))
    spool.close()
    stop = threading.Event()
    stop.set()
    run_background(settings, stop, lambda _: None)
    (line,) = settings.checkpoints_path.read_text().splitlines()
    written = read_checkpoint(line)
    assert [(head.replica, head.sequence) for head in written.content.heads] == [("north", 3)]
    assert is_signed(written, (KEY.public_key(),))


def test_a_key_that_others_may_read_is_refused(settings: Settings) -> None:
    assert settings.checkpoint_key is not None
    settings.checkpoint_key.chmod(0o640)
    with pytest.raises(ConfigError, match="is open to others"):
        load_checkpoint_key(settings)
