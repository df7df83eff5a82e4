"""The settings of client certificates: what the door shows, whose certificates it accepts, and whom they name."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, model_validator

from service.tls_settings import TlsSettings

_DOMAIN: Final = r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*"
_URI: Final = re.compile(rf"[a-z][a-z0-9+.-]*://({_DOMAIN})((?:/[A-Za-z0-9._-]+)+)")
"""A name as SPIFFE writes it, of any scheme: a domain and a path, with no port, user, query, fragment or escape."""
_DNS: Final = re.compile(_DOMAIN)
_PRINCIPAL: Final = re.compile(r"(?:[A-Za-z_]\w*\.)?[A-Za-z_]\w*:.{1,256}", re.ASCII)

TrustDomain = Annotated[str, Field(pattern=rf"^{_DOMAIN}$", max_length=255)]


class CertificateSettings(TlsSettings):
    """How the door for client certificates shows itself, and whom they name."""

    client_ca_file: Path = Field(description="the authorities in PEM whose certificates may call")
    trust_domains: list[TrustDomain] = Field(default=[], description="domains whose URI names are accepted")
    principals: Mapping[str, str] = Field(
        default={}, description="URI or DNS name to TYPE:ID; a URI that is not here names a `magistrate.Service`"
    )

    @model_validator(mode="after")
    def _names_somebody(self) -> "CertificateSettings":
        if not self.trust_domains and not self.principals:
            raise ValueError("no certificate could name anybody: list trust_domains, or map names in principals")
        for name, principal in self.principals.items():
            domain = trust_domain_of(name)
            if domain is None and not _DNS.fullmatch(name):
                raise ValueError(f"principals: `{name}` is neither a URI with a path nor a DNS name in lower case")
            if domain is not None and domain not in self.trust_domains:
                raise ValueError(f"principals: the domain of `{name}` is not in trust_domains")
            if not _PRINCIPAL.fullmatch(principal):
                raise ValueError(f"principals: `{principal}` is not of the form TYPE:ID")
        return self

    @property
    def principal_types(self) -> frozenset[str]:
        """The types that mapped names have."""
        return frozenset(principal.partition(":")[0] for principal in self.principals.values())


def trust_domain_of(uri: str) -> str | None:
    """The domain of a URI name; None where it is none that could name a caller."""
    found = _URI.fullmatch(uri)
    return found[1] if found and not {".", ".."} & set(found[2].split("/")) else None
