"""A worker's credentials are held to their files from the moment those are read."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest

from service.app.credentials import credentials
from service.authn.authenticator import ignore
from service.authn.key_holder import KeyHolder
from service.config import Settings
from service.db.opening import open_database
from service.errors import Unauthenticated
from service.feed.feed import Feed
from service.samples import Samples
from tests.service.authn.forge import EC_KEY, NOW_MS, OTHER_EC_KEY, claims, issuer, public_jwk, sign, write_jwks

LOADED = ("magistrate_key_reloads", (("result", "loaded"),))


def test_a_key_that_is_taken_away_before_anybody_follows_its_file_is_trusted_no_more(tmp_path: Path) -> None:
    file, samples = write_jwks(tmp_path / "jwks.json", public_jwk(EC_KEY)), Samples()
    settings = Settings(data=tmp_path, issuers=[issuer(file)], watch_seconds=0.05)

    async def run() -> None:
        keys = KeyHolder(settings.issuers, ignore)
        with closing(open_database(settings.database_url)) as database:
            made = credentials(
                settings, settings.issuers, database=database, feed=Feed(60), keys=keys, clock=lambda: NOW_MS
            )
            async with made as known:
                write_jwks(file, public_jwk(OTHER_EC_KEY))
                working = [asyncio.create_task(each) for each in known.work(samples, lambda: NOW_MS)]
                async with asyncio.timeout(30):
                    while LOADED not in samples.counters:
                        await asyncio.sleep(0.001)
                for each in working:
                    each.cancel()
                await asyncio.wait(working)
                with pytest.raises(Unauthenticated, match="does not verify"):
                    known.authenticator.caller(sign(claims()), NOW_MS)

    asyncio.run(run())
