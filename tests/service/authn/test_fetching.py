"""What a server of an issuer sends can at most be refused, whatever it is and wherever it leads."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from policy_lang.types import Json
from service.authn.fetching import SIZE_LIMIT, FetchFailed, Web
from service.authn.remote_keys import LONGEST_SECONDS, SHORTEST_SECONDS, KeySource, RemoteKeys
from service.issuer_settings import IssuerSettings
from tests.identity_provider.authority import Authority, make_authority
from tests.identity_provider.provider import DISCOVERY, JWKS, Provider, Reply, json_reply, providing
from tests.service.authn.forge import EC_KEY, OTHER_EC_KEY, RSA_KEY, pem, public_jwk, settings

TIMEOUT = 20.0
SOON = 0.4


def by_url(provider: Provider) -> IssuerSettings:
    return settings(jwks_url=provider.url + JWKS, ca_file=provider.authority)


def by_discovery(provider: Provider) -> IssuerSettings:
    return settings(issuer=provider.url, discovery=True, ca_file=provider.authority)


def fetch(issuer: IssuerSettings, timeout: float = TIMEOUT) -> RemoteKeys:
    async def fetched() -> RemoteKeys:
        async with Web(issuer, timeout) as web:
            return await KeySource(issuer).fetch(web)

    return asyncio.run(fetched())


def why_not(issuer: IssuerSettings, timeout: float = TIMEOUT) -> str:
    with pytest.raises(FetchFailed) as failed:
        fetch(issuer, timeout)
    return str(failed.value)


@pytest.fixture
def elsewhere(authority: Authority) -> Iterator[Provider]:
    """Another host, as good as the first."""
    with providing(authority) as other:
        other.keys = [public_jwk(OTHER_EC_KEY)]
        yield other


def test_keys_come_from_a_url(provider: Provider) -> None:
    assert set(fetch(by_url(provider)).jwks.keys.keys) == {"k1"}


def test_keys_are_found_by_discovery(provider: Provider) -> None:
    assert set(fetch(by_discovery(provider)).jwks.keys.keys) == {"k1"}
    assert provider.asked == {DISCOVERY: 1, JWKS: 1}


def test_discovery_may_name_another_host_for_the_keys(provider: Provider, elsewhere: Provider) -> None:
    provider.discovery["jwks_uri"] = elsewhere.url + JWKS
    found = fetch(by_discovery(provider))
    assert found.content == b'{"keys": [%s]}' % json_reply(public_jwk(OTHER_EC_KEY)).body


NEVER = threading.Event()
MISBEHAVIOUR: dict[str, tuple[Callable[[Provider], Reply], str]] = {
    "slow": (lambda _: Reply(b"{}", after=NEVER), "did not answer within 0.4 seconds"),
    "500": (lambda _: Reply(b"{}", status=500), "status 500"),
    "404": (lambda _: Reply(b"{}", status=404), "status 404"),
    "204": (lambda _: Reply(b"", status=204), "status 204"),
    "garbage": (lambda _: Reply(b"\x00\xff<html>"), "not JSON in UTF-8"),
    "a list": (lambda _: json_reply([]), "not a JSON object"),
    "huge": (lambda _: Reply(b" " * (SIZE_LIMIT + 1)), f"more than {SIZE_LIMIT} bytes"),
    "HTML": (lambda _: Reply(b"{}", headers={"Content-Type": "text/html"}), "content type `text/html`"),
    "no content type": (lambda _: Reply(b"{}", headers={}), "content type ``"),
    "compressed": (lambda _: json_reply({}, Content_Encoding="gzip"), "compressed"),
    "elsewhere": (
        lambda other: Reply(b"", status=302, headers={"Location": other.url + JWKS}),
        "leads to another host",
    ),
    "elsewhere, over http": (
        lambda other: Reply(b"", status=301, headers={"Location": other.url.replace("https", "http") + JWKS}),
        "leads to another host",
    ),
    "to a file": (
        lambda _: Reply(b"", status=302, headers={"Location": "file:///etc/passwd"}),
        "leads to another host",
    ),
    "in a circle": (lambda _: Reply(b"", status=302, headers={"Location": JWKS}), "more than 3 times"),
    "cut short": (
        lambda _: Reply(b"{", headers={"Content-Type": "application/json", "Content-Length": "99"}),
        "cannot be reached",
    ),
}


@pytest.mark.parametrize("path", [JWKS, DISCOVERY])
@pytest.mark.parametrize("case", MISBEHAVIOUR)
def test_what_misbehaves_gives_no_keys_and_says_why(
    provider: Provider, elsewhere: Provider, case: str, path: str
) -> None:
    reply, why = MISBEHAVIOUR[case]
    provider.misbehaviour[path] = lambda: reply(elsewhere)
    if case == "in a circle" and path == DISCOVERY:
        provider.misbehaviour[path] = lambda: Reply(b"", status=302, headers={"Location": DISCOVERY})
    assert why in why_not(by_discovery(provider), SOON if case == "slow" else TIMEOUT)
    assert elsewhere.asked == {}


def test_a_server_may_lead_to_another_place_of_its_own(provider: Provider) -> None:
    provider.misbehaviour["/old"] = lambda: Reply(b"", status=307, headers={"Location": JWKS})
    issuer = settings(jwks_url=provider.url + "/old", ca_file=provider.authority)
    assert set(fetch(issuer).jwks.keys.keys) == {"k1"}


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        pytest.param(Reply(b"", status=500), "answered with status 500", id="an error"),
        pytest.param(json_reply([]), "not a JSON object", id="no JWKS"),
        pytest.param(json_reply({"keys": [{"kty": "x"}]}), "has no key for the issuer's algorithms", id="no good key"),
        pytest.param(
            Reply(b"", status=302, headers={"Location": "https://127.0.0.1:1/"}), "another host", id="led away"
        ),
    ],
)
def test_a_key_in_the_query_of_a_url_stays_unsaid(provider: Provider, reply: Reply, why: str) -> None:
    provider.misbehaviour["/keys?key=hunter2"] = lambda: reply
    issuer = settings(jwks_url=provider.url + "/keys?key=hunter2", ca_file=provider.authority)
    said = why_not(issuer)
    assert f"`{provider.url}/keys`" in said
    assert why in said
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param({"issuer": "https://evil.example"}, "that of another issuer", id="another issuer"),
        pytest.param({"issuer": None}, "that of another issuer", id="no issuer"),
        pytest.param({"jwks_uri": None}, "does not say where the keys are", id="no keys"),
        pytest.param({"jwks_uri": "http://127.0.0.1/keys"}, "is not https", id="keys over http"),
        pytest.param({"jwks_uri": "file:///etc/passwd"}, "is no URL of a host", id="keys in a file"),
        pytest.param({"jwks_uri": "https://\x1b[2J"}, "at 'https://\\x1b[2J', which is no URL", id="escapes"),
        pytest.param({"jwks_uri": "https://käys.example"}, "is no URL", id="letters that no URL has"),
        pytest.param({"jwks_uri": 7}, "does not say where the keys are", id="keys at a number"),
    ],
)
def test_discovery_that_says_something_else_is_refused(provider: Provider, said: dict[str, str], why: str) -> None:
    provider.discovery.update(said)
    assert why in why_not(by_discovery(provider))


def test_a_server_of_another_authority_is_not_believed(provider: Provider, tmp_path: Path) -> None:
    issuer = settings(jwks_url=provider.url + JWKS, ca_file=make_authority(tmp_path).file)
    assert "certificate" in why_not(issuer)
    assert provider.asked == {}


def test_a_host_that_is_not_there_is_said(provider: Provider) -> None:
    assert "cannot be reached" in why_not(settings(jwks_url="https://127.0.0.1:1/keys", ca_file=provider.authority))


def test_on_this_machine_it_may_be_http_where_that_is_said_aloud() -> None:
    with providing() as open_to_all:
        open_to_all.keys = [public_jwk(EC_KEY)]
        issuer = settings(issuer=open_to_all.url, discovery=True, insecure_loopback=True)
        assert set(fetch(issuer).jwks.keys.keys) == {"k1"}


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param({"kty": "oct", "kid": "k9", "k": "AAAA"}, id="a secret"),
        pytest.param(public_jwk(OTHER_EC_KEY, "k9", d="AAAA"), id="a private key"),
        pytest.param(public_jwk(OTHER_EC_KEY, "k1"), id="an id twice"),
        pytest.param(public_jwk(RSA_KEY, "k9"), id="another kind of key"),
        pytest.param("key", id="no key"),
    ],
)
def test_a_key_that_must_not_be_there_is_not_used_and_hinders_no_other(provider: Provider, bad: Json) -> None:
    provider.keys = [public_jwk(EC_KEY), bad]
    assert list(fetch(by_url(provider)).jwks.keys.keys) == ["k1"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("max-age=600", 600.0),
        ("public, max-age=600, must-revalidate", 600.0),
        ("max-age=1", SHORTEST_SECONDS),
        ("max-age=999999999", LONGEST_SECONDS),
        ("no-store", SHORTEST_SECONDS),
        ("no-cache, max-age=600", SHORTEST_SECONDS),
        ("private", 300.0),
    ],
)
def test_the_server_says_when_to_look_again_within_bounds(provider: Provider, said: str, expected: float) -> None:
    provider.cache_control = said
    assert fetch(by_url(provider)).fresh_for == expected


@pytest.mark.parametrize(("max_stale", "expected"), [(14_400, 3600.0), (3600, 1800.0), (60, 30.0), (1, 10.0)])
def test_keys_are_looked_at_again_before_they_end(provider: Provider, max_stale: int, expected: float) -> None:
    issuer = settings(jwks_url=provider.url + JWKS, ca_file=provider.authority, keys_max_stale_seconds=max_stale)
    provider.cache_control = "max-age=3600"
    assert fetch(issuer).fresh_for == expected


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        pytest.param("200", 400.0, id="some"),
        pytest.param("9" * 5000, 600.0, id="no number"),  # which ended the process that fetches, and ships
    ],
)
def test_what_was_kept_on_the_way_is_as_old_as_it_says(provider: Provider, age: str, expected: float) -> None:
    body = {"keys": [public_jwk(EC_KEY)]}
    provider.misbehaviour[JWKS] = lambda: json_reply(dict(body), Cache_Control="max-age=600", Age=age)
    assert fetch(by_url(provider)).fresh_for == expected


def test_a_pem_is_no_jwks(provider: Provider) -> None:
    provider.misbehaviour[JWKS] = lambda: Reply(pem(EC_KEY))
    assert "not JSON" in why_not(by_url(provider))
