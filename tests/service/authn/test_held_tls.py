"""What a door shows changes only to what fits and has not expired; how that stands can be seen."""

import asyncio
import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.authn.held_tls import HeldTls
from service.authn.private_files import is_open_to_others
from service.authn.tls_files import TlsPair, load_tls_pair, pair_paths
from service.errors import ConfigError
from service.samples import Samples
from service.tls_settings import TlsSettings
from tests.identity_provider.clients import ClientAuthority, host

AUTHORITY = ClientAuthority("authority")
FIRST, SECOND = (AUTHORITY.holding(host("magistrate.test")) for _ in range(2))
EXPIRED = AUTHORITY.holding(host("magistrate.test"), lifetime=-datetime.timedelta(seconds=1))
EXPIRES = "magistrate_certificate_expiry_timestamp_seconds"
REFUSED = "magistrate_certificate_files_refused"
LABELS = (("settings", "tls"),)


@pytest.fixture
def settings(tmp_path: Path) -> TlsSettings:
    """Files that hold the first certificate."""
    settings = TlsSettings(certificate_file=tmp_path / "server.pem", key_file=tmp_path / "server.key")
    FIRST.write(settings.certificate_file, settings.key_file)
    return settings


def held_from(settings: TlsSettings) -> HeldTls[TlsPair]:
    """What a door with those files shows."""
    return HeldTls("tls", pair_paths(settings), lambda: load_tls_pair(settings))


def test_a_new_pair_is_shown(settings: TlsSettings) -> None:
    held = held_from(settings)
    SECOND.write(settings.certificate_file, settings.key_file)
    held.reload()
    assert (held.now.certificate, held.now.key) == (SECOND.pem, SECOND.key_pem)


@pytest.mark.parametrize(
    ("certificate", "key", "why"),
    [
        pytest.param(SECOND.pem, FIRST.key_pem, "is not the key of", id="half of a new pair"),
        pytest.param(SECOND.pem[:90], SECOND.key_pem, "holds no certificates", id="a certificate cut off"),
        pytest.param(EXPIRED.pem, EXPIRED.key_pem, "expired at", id="an expired one"),
    ],
)
def test_a_pair_that_is_of_no_use_leaves_the_one_before(
    settings: TlsSettings, certificate: bytes, key: bytes, why: str
) -> None:
    held = held_from(settings)
    settings.certificate_file.write_bytes(certificate)
    settings.key_file.write_bytes(key)
    with pytest.raises(ConfigError, match=why):
        held.reload()
    assert (held.now.certificate, held.now.key) == (FIRST.pem, FIRST.key_pem)


def test_a_service_starts_with_an_expired_certificate_and_says_so_for_it_has_nothing_better(
    settings: TlsSettings,
) -> None:
    EXPIRED.write(settings.certificate_file, settings.key_file)
    held, samples = held_from(settings), Samples()

    async def run() -> None:
        with followed(held, samples):
            await asyncio.sleep(0)

    with capture_logs() as lines:
        asyncio.run(run())
    assert held.now.certificate == EXPIRED.pem
    assert [(line["log_level"], line["event"]) for line in lines] == [("error", "certificate expired")]
    assert samples.states[EXPIRES, LABELS] == EXPIRED.certificate.not_valid_after_utc.timestamp()


def test_the_first_certificate_of_a_file_to_expire_says_when_it_does(settings: TlsSettings) -> None:
    above = ClientAuthority("above")
    between = ClientAuthority("between", above)
    leaf = between.holding(host("magistrate.test"), lifetime=datetime.timedelta(days=2))
    settings.certificate_file.write_bytes(leaf.pem + between.pem)
    leaf.write(settings.certificate_file.with_name("unused"), settings.key_file)
    assert load_tls_pair(settings).expires == between.certificate.not_valid_after_utc.timestamp()


@contextmanager
def followed(held: HeldTls[TlsPair], samples: Samples) -> Iterator[asyncio.Task[None]]:
    """Follows the files while the block runs."""
    task = asyncio.create_task(held.follow(held.reload, every=0.001, samples=samples))
    try:
        yield task
    finally:
        task.cancel()


def test_a_pair_that_changed_before_anybody_followed_it_is_shown(settings: TlsSettings) -> None:
    held, samples = held_from(settings), Samples()
    SECOND.write(settings.certificate_file, settings.key_file)

    async def run() -> None:
        with followed(held, samples):
            async with asyncio.timeout(30):
                while held.now.certificate != SECOND.pem:
                    await asyncio.sleep(0.001)

    asyncio.run(run())
    assert held.now.key == SECOND.key_pem


def test_expiry_and_refusals_are_gauged_as_the_files_change(settings: TlsSettings) -> None:
    held, samples = held_from(settings), Samples()
    later = AUTHORITY.holding(host("magistrate.test"), lifetime=datetime.timedelta(days=9))

    async def until(name: str, value: float) -> None:
        async with asyncio.timeout(30):
            while samples.states.get((name, LABELS)) != value:
                await asyncio.sleep(0.001)

    async def run() -> None:
        with followed(held, samples):
            await until(EXPIRES, FIRST.certificate.not_valid_after_utc.timestamp())
            assert samples.states[REFUSED, LABELS] == 0
            settings.certificate_file.write_bytes(later.pem)
            await until(REFUSED, 1)
            assert samples.states[EXPIRES, LABELS] == FIRST.certificate.not_valid_after_utc.timestamp()
            later.write(settings.certificate_file, settings.key_file)
            await until(REFUSED, 0)

    asyncio.run(run())
    assert samples.states[EXPIRES, LABELS] == later.certificate.not_valid_after_utc.timestamp()


ROOT, OURSELVES, SOMEBODY = 0, 10001, 1000


@pytest.mark.parametrize(
    ("mode", "owner", "reader", "is_open"),
    [
        pytest.param(0o600, OURSELVES, OURSELVES, False, id="our own"),
        pytest.param(0o640, OURSELVES, OURSELVES, True, id="our own, for a group"),
        pytest.param(0o440, ROOT, OURSELVES, False, id="root's, lent to a group"),
        pytest.param(0o460, ROOT, OURSELVES, True, id="root's, which a group may write"),
        pytest.param(0o444, ROOT, OURSELVES, True, id="root's, for all"),
        pytest.param(0o440, SOMEBODY, OURSELVES, True, id="somebody else's, for a group"),
        pytest.param(0o440, ROOT, ROOT, True, id="root's, read by root, for a group"),
    ],
)
def test_a_secret_is_for_its_owner_or_lent_by_root(mode: int, owner: int, reader: int, is_open: bool) -> None:
    assert is_open_to_others(mode, owner, reader) is is_open


def test_the_shown_pair_does_not_print_its_key(settings: TlsSettings) -> None:
    assert repr(held_from(settings).now.key) not in repr(held_from(settings).now)


def test_a_start_without_files_that_fit_is_refused(settings: TlsSettings) -> None:
    settings.key_file.unlink()
    with pytest.raises(ConfigError, match=r"the key_file .* cannot be read"):
        held_from(settings)
