"""Where tokens go, and where they never show."""

import traceback
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

import magistrate_client as mc
from magistrate_client.channels import endpoint, is_local
from magistrate_client.credentials import bearer
from tests.magistrate_client.scripted_service import serving
from tests.magistrate_client.shells import Shell, asking, both_shells, on_a_loop

LOCAL = ["127.0.0.1:7080", "127.9.9.9:1", "localhost:7080", "[::1]:7080", "unix:/run/m.sock", "unix-abstract:m"]
REMOTE = [
    "pdp.example:443",
    "10.0.0.1:7080",
    "localhost.example:1",
    "127.0.0.1.example:1",
    "ipv4:127.0.0.1:1,10.0.0.1:1",
    "dns:///pdp.example:443",
    "[2001:db8::1]:1",
    "xunix:/a",
    "",
]


@pytest.mark.parametrize("target", LOCAL)
def test_plain_text_is_spoken_to_this_machine_without_a_proxy(target: str) -> None:
    made = endpoint(target, None, insecure=False, channels=4)
    assert made.credentials is None
    assert ("grpc.enable_http_proxy", 0) in made.options


@pytest.mark.parametrize("target", REMOTE)
def test_nothing_else_is_told_a_token_in_plain_text_unasked(target: str) -> None:
    assert not is_local(target)
    assert endpoint(target, None, insecure=False, channels=4).credentials is not None
    assert endpoint(target, None, insecure=True, channels=4).credentials is None


@pytest.mark.parametrize("target", LOCAL + REMOTE)
def test_credentials_that_are_given_are_used(target: str) -> None:
    credentials = grpc.ssl_channel_credentials()
    assert endpoint(target, credentials, insecure=False, channels=4).credentials is credentials
    with pytest.raises(ValueError, match="not both"):
        endpoint(target, credentials, insecure=True, channels=4)


def test_a_client_has_at_least_one_channel() -> None:
    with pytest.raises(ValueError, match="at least one channel"):
        mc.AsyncMagistrate("127.0.0.1:1", channels=0)


@pytest.mark.parametrize("token", ["", " ", "two words", "line\nbreak", "ключ", "a\0b", "Bearer x"], ids=repr)
def test_what_is_no_token_is_refused_without_being_quoted(token: str) -> None:
    with pytest.raises(mc.Unauthenticated) as caught:
        bearer(token)
    shown = "".join(traceback.format_exception(caught.value))
    assert not token.strip() or repr(token)[1:-1] not in shown


@given(st.from_regex(r"\A[A-Za-z0-9._~+/-]{1,50}={0,2}\Z"))
def test_a_token_is_presented_as_it_is(token: str) -> None:
    assert bearer(f"{token}\n") == (("authorization", f"Bearer {token}"),)


def test_no_representation_shows_a_token() -> None:
    assert repr(mc.AsyncMagistrate("127.0.0.1:1", token="secret")) == "AsyncMagistrate('127.0.0.1:1')"
    with mc.Magistrate("127.0.0.1:1", token="secret") as client:
        assert repr(client) == "Magistrate('127.0.0.1:1')"
    assert "secret" not in repr(mc.Question("read", "Document:d1", principal_token="secret"))


@both_shells
@on_a_loop
async def test_a_client_without_a_token_presents_none(shell: Shell) -> None:
    async with asking(shell) as (service, client):
        await client.check("read", "Document:d1")
    assert service.credentials == [None]


@both_shells
@on_a_loop
async def test_with_credentials_a_token_goes_by_tls_to_a_service_that_they_trust(shell: Shell) -> None:
    key, certificate = _self_signed()
    trusting = grpc.ssl_channel_credentials(certificate)
    async with serving(credentials=grpc.ssl_server_credentials([(key, certificate)])) as service:
        trusted = shell(service.target, token="t", credentials=trusting)
        doubting = grpc.ssl_channel_credentials(_self_signed()[1])
        stranger = shell(service.target, token="t", credentials=doubting, timeout=30, retry=mc.RetryPolicy(tries=1))
        assert await trusted.check("read", "Document:d1")
        with pytest.raises(mc.Unavailable):
            await stranger.check("read", "Document:d1")
        await trusted.close()
        await stranger.close()
    assert service.credentials == ["Bearer t"]


def _self_signed() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "service")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private, certificate.public_bytes(pem)
