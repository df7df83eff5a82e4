"""Fetches JSON from an issuer's servers, within limits of size and time, and from nowhere else.

Law: what a server sends can at most be refused. Nothing leads to another host, no proxy or password of the environment
is used, and only what was asked for is taken: its status, its media type, not compressed, no longer than allowed.
"""

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Final, Self

import httpx

from service.authn.authorities import tls_of
from service.issuer_settings import IssuerSettings

SIZE_LIMIT: Final = 1 << 18
"""Bytes in one answer."""
TIMEOUT_SECONDS: Final = 5.0
"""How long a whole answer may take, redirects included."""
MOST_REDIRECTS: Final = 3
JSON: Final = frozenset({"application/json"})
_MAX_AGE: Final = re.compile(r"max-age=\"?(\d{1,9})\"?")
_AGE: Final = re.compile(r"[0-9]{1,9}")
"""Python reads no number of 5,000 digits."""


class FetchFailed(Exception):
    """Nothing was fetched that can be used; the message says why, for operators."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer; `fresh_for` is for how many seconds its server says that it is good, None where it does not say."""

    body: bytes
    fresh_for: float | None


class Web:
    """The servers of one issuer, to be entered; it belongs to one event loop."""

    def __init__(self, issuer: IssuerSettings, timeout: float = TIMEOUT_SECONDS) -> None:
        """Reads the issuer's authorities; ConfigError if they cannot be read."""
        self._timeout = timeout
        self._client = httpx.AsyncClient(
            verify=tls_of(issuer),
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "magistrate"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connections."""
        await self._client.aclose()

    async def get(self, url: str, media_types: Collection[str] = JSON) -> Fetched:
        """What the URL answers; FetchFailed for any but one answer of these types."""
        return await self._answer(self._client.build_request("GET", url), media_types)

    async def post(self, url: str, form: Mapping[str, str], authorization: str) -> Fetched:
        """What the URL answers to the form; FetchFailed for any but one answer of JSON."""
        headers = {"Authorization": authorization}
        return await self._answer(self._client.build_request("POST", url, data=dict(form), headers=headers), JSON)

    async def _answer(self, request: httpx.Request, media_types: Collection[str]) -> Fetched:
        url = shown(request.url)
        try:
            async with asyncio.timeout(self._timeout):
                for _ in range(MOST_REDIRECTS + 1):
                    response = await self._client.send(request, stream=True)
                    try:
                        following = _redirected(response)
                        if following is None:
                            return await _taken(response, media_types)
                    finally:
                        await response.aclose()
                    request = following
        except (TimeoutError, httpx.TimeoutException):
            raise FetchFailed(f"`{url}` did not answer within {self._timeout:g} seconds") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FetchFailed(f"`{url}` cannot be reached: {str(error).lower() or 'the connection broke'}") from None
        raise FetchFailed(f"`{url}` leads from one place to the next more than {MOST_REDIRECTS} times")


def shown(url: httpx.URL | str) -> httpx.URL:
    """How messages call it: without its query, which may hold a key."""
    return httpx.URL(url, query=None)


def _redirected(response: httpx.Response) -> httpx.Request | None:
    """Where a GET is led to on the same server; None for an answer."""
    following = response.next_request
    if following is None:
        return None
    if response.request.method != "GET":
        raise FetchFailed(f"`{shown(response.url)}` leads elsewhere, where credentials are not sent")
    if _origin(following.url) != _origin(response.url):
        raise FetchFailed(f"`{shown(response.url)}` leads to another host, which is not followed")
    return following


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _taken(response: httpx.Response, media_types: Collection[str]) -> Fetched:
    """The answer, if it is what was asked for; it is read no further than the limit."""
    url, media_type = shown(response.url), response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code != HTTPStatus.OK:
        raise FetchFailed(f"`{url}` answered with status {response.status_code}")
    if media_type not in media_types:
        raise FetchFailed(f"`{url}` answered with the content type `{media_type[:64]}`, not {' or '.join(media_types)}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise FetchFailed(f"`{url}` answered compressed, which was not asked for")
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > SIZE_LIMIT:
            raise FetchFailed(f"`{url}` answered with more than {SIZE_LIMIT} bytes")
    return Fetched(bytes(body), _fresh_for(response.headers))


def _fresh_for(headers: httpx.Headers) -> float | None:
    """By `Cache-Control` and `Age` (RFC 9111 sections 4.2, 5.1, 5.2)."""
    said = headers.get("cache-control", "").lower()
    if "no-store" in said or "no-cache" in said:
        return 0.0
    found, age = _MAX_AGE.search(said), headers.get("age", "0")
    if found is None:
        return None
    return float(max(0, int(found[1]) - (int(age) if _AGE.fullmatch(age) else 0)))
