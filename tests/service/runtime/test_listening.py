"""Credentials in plain text to other machines are refused before anything starts, unless that is said aloud."""

from pathlib import Path

import pytest

from service.config import Settings
from service.errors import ConfigError
from service.runtime.listening import doors
from service.runtime.supervisor import supervise

TLS = {"certificate_file": "server.pem", "key_file": "server.key"}
MUTUAL = {**TLS, "client_ca_file": "clients.pem", "trust_domains": ["example.org"]}
LOOPBACK = ["127.0.0.1:0", "127.9.9.9:0", "localhost:0", "[::1]:0", "unix:/run/magistrate/door.sock"]
PUBLIC = ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[2001:db8::1]:0", "[::ffff:192.0.2.1]:0"]


def settings_of(**given: object) -> Settings:
    """Settings as `serve` would have them."""
    return Settings.model_validate({"dev": True, **given})


each_door = pytest.mark.parametrize("door", ["grpc", "http"])


@each_door
@pytest.mark.parametrize("address", LOOPBACK)
def test_plain_text_is_spoken_on_this_machine(door: str, address: str) -> None:
    assert str(doors(settings_of(**{door: address}))[door]) == address


@each_door
@pytest.mark.parametrize("address", PUBLIC)
def test_plain_text_is_not_spoken_to_other_machines(door: str, address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        doors(settings_of(**{door: address}))
    assert str(caught.value) == (
        f"`{door}` would take credentials in plain text on `{address}`, where other machines come\n"
        "help: name certificate_file and key_file under [tls], or listen on 127.0.0.1 or unix:PATH;"
        " where a proxy or a mesh ends TLS before it, say --plaintext"
    )


@each_door
@pytest.mark.parametrize("address", PUBLIC)
@pytest.mark.parametrize("said", [{"tls": TLS}, {"plaintext": True}], ids=["tls", "plaintext"])
def test_it_listens_for_other_machines_by_tls_or_where_that_is_said(
    door: str, address: str, said: dict[str, object]
) -> None:
    assert str(doors(settings_of(**{door: address}, **said))[door]) == address


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param({"tls": TLS, "plaintext": True}, "`tls` and `plaintext` contradict", id="TLS and none"),
        pytest.param({"grpc": "unix:/run/door", "workers": 2}, "one worker can listen on, and not 2", id="workers"),
        pytest.param({"grpc_mtls": "0.0.0.0:0"}, "`certificates` is not", id="no certificates"),
        pytest.param({"grpc_mtls": "unix:/d", "certificates": MUTUAL}, "is no address", id="certificates on a socket"),
    ],
)
def test_what_cannot_be_meant_so_is_refused(given: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        doors(settings_of(**given))


def test_workers_share_a_socket_of_the_http_door() -> None:
    assert str(doors(settings_of(http="unix:/run/door", workers=2))["http"]) == "unix:/run/door"


def test_the_door_for_client_certificates_may_listen_anywhere() -> None:
    found = doors(settings_of(grpc_mtls="0.0.0.0:7443", certificates=MUTUAL))
    assert {setting: str(place) for setting, place in found.items()} == {
        "grpc": "127.0.0.1:7080",
        "grpc_mtls": "0.0.0.0:7443",
    }


def test_a_refused_start_has_touched_nothing(tmp_path: Path) -> None:
    settings = settings_of(grpc="0.0.0.0:0", data=str(tmp_path / "data"))
    with pytest.raises(ConfigError, match="in plain text"):
        supervise(settings, lambda _: pytest.fail("it serves"))
    assert list(tmp_path.iterdir()) == []
