"""Files of keys are read again when they change, and it is told for as long as they cannot be used."""

import asyncio
from pathlib import Path

import pytest

from service.authn.authenticator import NothingRevoked, TokenAuthenticator
from service.authn.key_watch import Watched, follow_keys
from service.authn.private_files import read_private
from service.config import Limits
from service.errors import Unauthenticated
from service.samples import Samples
from tests.service.authn.forge import EC_KEY, NOW_MS, OTHER_EC_KEY, claims, issuer, public_jwk, sign, write_jwks

REFUSED = ("magistrate_key_files_refused", ())


def test_a_key_file_that_cannot_be_used_is_told_until_it_can(tmp_path: Path) -> None:
    file = write_jwks(tmp_path / "jwks.json", public_jwk(EC_KEY))
    authenticator = TokenAuthenticator([issuer(file)], Limits(), revocations=NothingRevoked())
    samples = Samples()

    async def until(value: float) -> None:
        async with asyncio.timeout(30):
            while samples.states.get(REFUSED) != value:
                await asyncio.sleep(0.001)

    async def run() -> None:
        reload = authenticator.reload_keys
        following = asyncio.create_task(
            follow_keys(Watched.of((file,)), reload, every=0.001, samples=samples, refused=REFUSED)
        )
        await until(0)
        file.write_text("{")
        await until(1)
        assert authenticator.caller(sign(claims()), NOW_MS)
        write_jwks(file, public_jwk(OTHER_EC_KEY))
        await until(0)
        following.cancel()

    asyncio.run(run())
    with pytest.raises(Unauthenticated):
        authenticator.caller(sign(claims()), NOW_MS)


def test_a_secret_that_was_open_to_others_is_good_when_its_mode_is_mended(tmp_path: Path) -> None:
    file = tmp_path / "hs.secret"
    file.touch(0o600)
    samples = Samples()

    def reload() -> None:
        read_private(file, "the secret_file")

    async def run() -> None:
        following = asyncio.create_task(
            follow_keys(Watched.of((file,)), reload, every=0.001, samples=samples, refused=REFUSED)
        )
        async with asyncio.timeout(30):
            for mode, refused in ((0o644, 1.0), (0o600, 0.0)):
                file.chmod(mode)
                while samples.states.get(REFUSED) != refused:
                    await asyncio.sleep(0.001)
        following.cancel()

    asyncio.run(run())
