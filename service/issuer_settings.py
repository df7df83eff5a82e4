"""The settings of one issuer of tokens: where its keys are, which of its tokens are good, and whom they name."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.permits import PREFIX

Algorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]  # fmt: skip

KEY_SOURCES: Final = ("jwks_url", "discovery", "jwks_file", "pem_file", "pem_files", "secret_file", "secret_files")
"""The settings that say where an issuer's keys are; one of them does."""

KeyId = Annotated[str, Field(min_length=1, max_length=256)]


class ClaimRole(BaseModel):
    """A role that an issuer's tokens may carry: where the claim has the value, the principal holds the role."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    claim: tuple[str, ...] = Field(min_length=1, description="the way into the claims, such as roles")
    value: str = Field(min_length=1, description="what must stand there, alone or in a list")
    role: str = Field(pattern=r"^[A-Za-z_]\w*\.[A-Za-z_][\w.:*]*$", description="the role, as `module.role`")
    scope_type: str | None = Field(default=None, description="the type of where it is held; not given: everywhere")
    scope_claim: tuple[str, ...] = Field(default=(), description="the way to the id of where it is held, or several")

    @model_validator(mode="before")
    @classmethod
    def _one_step(cls, fields: object) -> object:
        """A way of one step may be written without a list."""
        if not isinstance(fields, dict):
            return fields
        ways = {name: (way,) for name in ("claim", "scope_claim") if isinstance(way := fields.get(name), str)}
        return {**fields, **ways}

    @model_validator(mode="after")
    def _scope_is_whole(self) -> "ClaimRole":
        if (self.scope_type is None) != (not self.scope_claim):
            raise ValueError("give scope_type and scope_claim, or neither")
        return self


class IntrospectionSettings(BaseModel):
    """Where an issuer is asked about its opaque tokens (RFC 7662), and for how long its answers are believed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="the introspection endpoint")
    client_id: str = Field(min_length=1, description="who asks there")
    client_secret_file: Path = Field(description="the client's secret, in a file of its own")
    cache_seconds: int = Field(default=60, ge=1, le=3600, description="how long an answer is believed at most")
    negative_cache_seconds: int = Field(default=5, ge=0, le=300, description="how long a refusal is")
    timeout_seconds: float = Field(default=2.0, ge=0.1, le=30, description="how long a call may wait for the answer")


class IssuerSettings(BaseModel):
    """One issuer of tokens that the service trusts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str = Field(min_length=1, description="the `iss` claim, exactly")
    audience: list[str] = Field(default=[], description="tokens for one of these may call")
    subject_audiences: list[str] = Field(default=[], description="tokens for one of these pass as principal_token")
    algorithms: list[Algorithm] = Field(default=[], description="the signature algorithms accepted")
    jwks_url: str | None = Field(default=None, description="the URL of a JWKS with public keys")
    discovery: bool = Field(default=False, description="find the JWKS by OpenID discovery at the issuer's URL")
    jwks_file: Path | None = Field(default=None, description="a JWKS file with public keys")
    pem_file: Path | None = Field(default=None, description="a PEM file with one public key")
    pem_files: dict[KeyId, Path] = Field(default={}, description="PEM files by the `kid` of their key")
    secret_file: Path | None = Field(default=None, description="a file with a shared secret of 64 bytes or more")
    secret_files: dict[KeyId, Path] = Field(default={}, description="files with shared secrets by their `kid`")
    introspection: IntrospectionSettings | None = Field(default=None, description="how its opaque tokens are verified")
    ca_file: Path | None = Field(default=None, description="the authorities that its servers are trusted by")
    insecure_loopback: bool = Field(default=False, description="let its URLs be http on this machine, for trying")
    keys_max_stale_seconds: int = Field(
        default=14_400, ge=1, le=604_800, description="how long fetched keys are good while they cannot be fetched anew"
    )
    require_at_jwt: bool = Field(default=False, description="accept only tokens whose `typ` is at+jwt (RFC 9068)")
    max_age_seconds: int | None = Field(default=None, ge=1, description="refuse tokens longer after their `iat`")
    principal_type: str = Field(description="the type that its subjects have")
    id_prefix: str = Field(default="", description="put before `sub` to make the id")
    roles: list[ClaimRole] = Field(default=[], description="the roles that its tokens may carry, and no others")
    grants_admin: bool = Field(default=False, description="let its tokens carry roles of the module `magistrate`")

    @property
    def has_remote_keys(self) -> bool:
        """Whether its keys are fetched."""
        return self.jwks_url is not None or self.discovery

    @property
    def has_keys(self) -> bool:
        """Whether it signs its tokens; otherwise it is only asked about them."""
        return any(getattr(self, source) for source in KEY_SOURCES)

    @model_validator(mode="after")
    def _built_in_roles_are_asked_for(self) -> "IssuerSettings":
        named = next((entry.role for entry in self.roles if entry.role.startswith(PREFIX)), None)
        if named is not None and not self.grants_admin:
            raise ValueError(f"`{named}` is a role of this service: its tokens may carry it with grants_admin = true")
        return self

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> "IssuerSettings":
        given = [source for source in KEY_SOURCES if getattr(self, source)]
        if len(given) > 1 or not (given or self.introspection):
            raise ValueError(f"give one of {', '.join(KEY_SOURCES)}{', or introspection' if not given else ''}")
        if bool(given) != bool(self.algorithms):
            raise ValueError("`algorithms` lists what its keys may verify: give both, or neither")
        return self

    @model_validator(mode="after")
    def _algorithms_fit_the_keys(self) -> "IssuerSettings":
        symmetric = [name for name in self.algorithms if name.startswith("HS")]
        has_secret = bool(self.secret_file or self.secret_files)
        if symmetric and not has_secret:
            raise ValueError(f"`{symmetric[0]}` needs secret_file: a public key is no shared secret")
        if has_secret and len(symmetric) < len(self.algorithms):
            raise ValueError("secret_file goes with HS256, HS384, HS512 only")
        return self

    @model_validator(mode="after")
    def _somebody_is_meant(self) -> "IssuerSettings":
        if not self.audience and not self.subject_audiences:
            raise ValueError("give audience, subject_audiences or both: a token for anybody is for nobody")
        return self

    @model_validator(mode="after")
    def _urls_are_safe(self) -> "IssuerSettings":
        urls: Mapping[str, str | None] = {
            "issuer": self.issuer if self.discovery else None,
            "jwks_url": self.jwks_url,
            "introspection.url": self.introspection.url if self.introspection else None,
        }
        for name, url in urls.items():
            if url is not None and (fault := fault_of_url(url, allows_loopback=self.insecure_loopback)):
                # The URL is not repeated: it may hold a password.
                raise ValueError(f"`{name}` {fault}")
        return self


def fault_of_url(url: str, *, allows_loopback: bool) -> str | None:
    """Why nothing is fetched from there: it is not https, and not http on this machine where that is allowed."""
    if not (url.isascii() and url.isprintable()):
        return "is no URL"
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return "is no URL"
    if not is_whole or parts.username is not None or parts.password is not None or parts.fragment:
        return "is no URL of a host alone, without user and fragment"
    if parts.scheme == "https" or (parts.scheme == "http" and allows_loopback and _is_loopback(parts)):
        return None
    hint = "; `insecure_loopback = true` lets it be http on this machine" if _is_loopback(parts) else ""
    return f"is not https{hint}"


def _is_loopback(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
