"""An issuer whose settings could let the wrong token in refuses the start, and says what is wrong."""

import re

import pytest
from pydantic import ValidationError

from tests.service.authn.forge import settings

INTROSPECTION = {"url": "https://id.example/ask", "client_id": "me", "client_secret_file": "secret"}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"jwks_url": "https://id.example/keys"}, id="a JWKS"),
        pytest.param({"discovery": True}, id="discovery"),
        pytest.param({"jwks_url": "https://id.example/keys", "introspection": INTROSPECTION}, id="both kinds of token"),
        pytest.param({"introspection": INTROSPECTION, "algorithms": []}, id="opaque tokens alone"),
        pytest.param({"jwks_url": "http://127.0.0.1:80/keys", "insecure_loopback": True}, id="http on this machine"),
        pytest.param({"jwks_url": "http://[::1]/keys", "insecure_loopback": True}, id="http on this machine, IPv6"),
        pytest.param({"secret_files": {"a": "a", "b": "b"}, "algorithms": ["HS512"]}, id="two secrets"),
    ],
)
def test_good_settings_are_taken(given: dict[str, object]) -> None:
    assert settings(**given).audience == ["magistrate"]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        pytest.param({}, "give one of jwks_url", id="no keys"),
        pytest.param({"jwks_url": "https://id.example/keys", "jwks_file": "keys"}, "give one of", id="two sources"),
        pytest.param({"discovery": True, "algorithms": []}, "give both, or neither", id="keys without algorithms"),
        pytest.param({"introspection": INTROSPECTION}, "give both, or neither", id="algorithms without keys"),
        pytest.param({"discovery": True, "algorithms": ["none"]}, "Input should be", id="the algorithm none"),
        pytest.param({"discovery": True, "algorithms": ["HS256"]}, "needs secret_file", id="HMAC with public keys"),
        pytest.param({"secret_file": "s", "algorithms": ["RS256"]}, "HS256, HS384, HS512 only", id="RSA with a secret"),
        pytest.param({"discovery": True, "audience": [], "subject_audiences": []}, "for nobody", id="no audience"),
        pytest.param({"jwks_url": "http://id.example/keys"}, "is not https$", id="http"),
        pytest.param({"jwks_url": "http://127.0.0.1/keys"}, "insecure_loopback = true", id="http here, not allowed"),
        pytest.param(
            {"jwks_url": "http://127.0.0.1.evil.example/keys", "insecure_loopback": True},
            "is not https",
            id="a name that looks like this machine",
        ),
        pytest.param({"jwks_url": "https://me:secret@id.example/keys"}, "without user", id="a password in the URL"),
        pytest.param({"jwks_url": "file:///etc/keys"}, "no URL of a host", id="a file as a URL"),
        pytest.param({"jwks_url": "https://id.example:99999/keys"}, "is no URL", id="a port past all"),
        pytest.param({"discovery": True, "issuer": "id.example"}, "no URL of a host", id="discovery without a URL"),
        pytest.param(
            {"introspection": INTROSPECTION | {"url": "http://id.example/ask"}, "algorithms": []},
            "introspection.url",
            id="introspection over http",
        ),
    ],
)
def test_bad_settings_are_refused(given: dict[str, object], fault: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(**given)
    (found,) = refused.value.errors()
    assert re.search(fault, found["msg"])


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param({"jwks_url": "https://me:hunter2@id.example/keys"}, "jwks_url", id="keys"),
        pytest.param({"discovery": True, "issuer": "https://me:hunter2@id.example"}, "issuer", id="discovery"),
        pytest.param(
            {"introspection": INTROSPECTION | {"url": "https://me:hunter2@id.example/ask"}, "algorithms": []},
            "introspection.url",
            id="introspection",
        ),
    ],
)
def test_a_url_that_is_refused_is_named_and_not_repeated(given: dict[str, object], named: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(**given)
    (found,) = refused.value.errors()
    assert found["msg"] == f"Value error, `{named}` is no URL of a host alone, without user and fragment"
