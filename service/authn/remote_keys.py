"""Finds and fetches the JWKS of one issuer, at its URL or by OpenID discovery, and sees that its keys can be used."""

import time
from dataclasses import dataclass
from typing import Final

from service.authn.fetching import FetchFailed, Web, shown
from service.authn.jwks import BadJwks, Jwks, read_jwks
from service.authn.keys import NO_KEYS
from service.authn.strict_json import BadJson, parse_object
from service.issuer_settings import IssuerSettings, fault_of_url

JWKS_TYPES: Final = frozenset({"application/json", "application/jwk-set+json"})
DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
FRESH_SECONDS: Final = 300.0
"""For how long an answer that does not say is good."""
SHORTEST_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 3600.0
"""What a server says of how long its answer is good counts within these."""
SOONEST_SECONDS: Final = 10.0
"""Keys that are good for a short time alone are looked at sooner, but not sooner than this."""


@dataclass(frozen=True, slots=True)
class RemoteKeys:
    """A JWKS as it was fetched, what it holds, and in how many seconds to look again."""

    content: bytes
    jwks: Jwks
    fresh_for: float


class KeySource:
    """Where the keys of one issuer are fetched. It remembers what discovery said for as long as that is good."""

    def __init__(self, issuer: IssuerSettings) -> None:
        self._issuer = issuer
        self._discovered: tuple[str, float] = ("", 0.0)

    async def fetch(self, web: Web) -> RemoteKeys:
        """The keys now; FetchFailed where there are none that the issuer's algorithms could use."""
        url = self._issuer.jwks_url or await self._discover(web)
        try:
            fetched = await web.get(url, JWKS_TYPES)
            found = read_jwks(fetched.body, frozenset(self._issuer.algorithms), f"the JWKS of `{shown(url)}`")
        except BadJwks as error:
            self._discovered = ("", 0.0)
            raise FetchFailed(str(error)) from None
        except FetchFailed:
            self._discovered = ("", 0.0)
            raise
        if found.keys == NO_KEYS:
            why = "\n".join([*found.faults, *found.passed_over])
            raise FetchFailed(f"the JWKS of `{shown(url)}` has no key for the issuer's algorithms\n{why}")
        return RemoteKeys(fetched.body, found, self._until_next(fetched.fresh_for))

    def _until_next(self, fresh_for: float | None) -> float:
        """So soon that the keys in force do not end while their server answers, whatever it says."""
        return min(_bounded(fresh_for), max(self._issuer.keys_max_stale_seconds / 2, SOONEST_SECONDS))

    async def _discover(self, web: Web) -> str:
        url, good_until = self._discovered
        if url and time.monotonic() < good_until:
            return url
        started = time.monotonic()
        url, fresh_for = await discover(self._issuer, web)
        self._discovered = url, started + fresh_for
        return url


async def discover(issuer: IssuerSettings, web: Web) -> tuple[str, float]:
    """Where discovery says that the issuer's keys are, and for how many seconds that is good; FetchFailed.

    OpenID Connect Discovery 1.0 sections 4.1 and 4.3: the document is for the issuer that names itself in it alone.
    """
    url = issuer.issuer.rstrip("/") + DISCOVERY_PATH
    fetched = await web.get(url)
    try:
        said = parse_object(fetched.body)
    except BadJson as error:
        raise FetchFailed(f"the discovery document `{url}`: {error}") from None
    if said.get("issuer") != issuer.issuer:
        raise FetchFailed(f"the discovery document `{url}` is that of another issuer")
    keys = said.get("jwks_uri")
    if not isinstance(keys, str):
        raise FetchFailed(f"the discovery document `{url}` does not say where the keys are (`jwks_uri`)")
    if fault := fault_of_url(keys, allows_loopback=issuer.insecure_loopback):
        raise FetchFailed(
            f"the discovery document `{url}` says that the keys are at {ascii(keys)[:200]}, which {fault}"
        )
    return keys, _bounded(fetched.fresh_for)


def _bounded(fresh_for: float | None) -> float:
    return FRESH_SECONDS if fresh_for is None else min(max(fresh_for, SHORTEST_SECONDS), LONGEST_SECONDS)
