"""A project whose service trusts an identity provider of the tests' own, over https."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from policy_lang.types import Json
from tests.e2e.running import Project
from tests.identity_provider.authority import make_authority
from tests.identity_provider.provider import CLIENT, Provider, providing
from tests.service.authn.forge import EC_KEY, sign, write_secret

TRIED_OFTEN = """
key_refetch_seconds = 0.2
[limits]
failed_authentications = 100000
"""
ISSUER = """
[[issuers]]
issuer = "{url}"
audience = ["magistrate"]
algorithms = ["ES256"]
discovery = true
ca_file = "{authority}"
principal_type = "User"
"""


INTROSPECTED = """
[[issuers]]
issuer = "{url}"
audience = ["magistrate"]
algorithms = ["ES256"]
jwks_url = "{url}/keys"
ca_file = "{authority}"
principal_type = "User"
[issuers.introspection]
url = "{url}/introspect"
client_id = "magistrate"
client_secret_file = "client.secret"
cache_seconds = 3600
"""
"""An issuer whose tokens are JWTs and opaque ones."""


@dataclass(frozen=True, slots=True)
class Trusting:
    """A project, and the provider that its service trusts."""

    project: Project
    provider: Provider

    def token(self, name: str, key: ec.EllipticCurvePrivateKey = EC_KEY, kid: str = "k1", **claims: Json) -> str:
        """A token of the provider for that user."""
        now = int(time.time())
        said: dict[str, Json] = {
            "iss": self.provider.url,
            "sub": name,
            "aud": "magistrate",
            "iat": now,
            "exp": now + 600,
        }
        return sign({**said, **claims}, key, header={"kid": kid})


@contextmanager
def trusting(project: Project, issuer: str = ISSUER) -> Iterator[Trusting]:
    """The project with a configuration that trusts a running provider; every user may ask about himself."""
    with providing(make_authority(project.folder)) as provider:
        written = issuer.format(url=provider.url, authority=provider.authority)
        write_secret(project.folder / "client.secret", CLIENT[1].encode())
        (project.folder / "magistrate.toml").write_text(TRIED_OFTEN + written)
        configured = project.with_settings(config="magistrate.toml")
        configured.must_run("admin", "grant", "User:*", "check")
        configured.must_run("admin", "grant", "User:root", "admin")
        yield Trusting(configured, provider)
