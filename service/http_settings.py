"""The settings of the HTTP door."""

from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

_PATH_END: Final = "/"


class HttpSettings(BaseModel):
    """How the HTTP door is known, and what it takes from one connection."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    public_url: str = Field(
        default="", description="the https URL that callers know this service by; what each calls it by when empty"
    )
    request_seconds: float = Field(default=10.0, ge=0.05, le=300, description="how long one request may take")
    read_seconds: float = Field(
        default=10.0, ge=0.05, le=300, description="how long a caller may take to send a request, or to read an answer"
    )
    keep_alive_seconds: int = Field(
        default=60, ge=1, le=3600, description="how long a connection on which nothing is asked stays open"
    )
    head_bytes: int = Field(default=16384, ge=1024, le=1 << 20, description="bytes in a request's line and headers")
    connections: int = Field(default=1000, ge=1, le=100_000, description="connections at a time, per worker")

    requests: int = Field(
        default=128, ge=1, le=10_000, description="requests under way at a time, per worker; more are shed"
    )

    @field_validator("public_url")
    @classmethod
    def _is_identifier(cls, given: str) -> str:
        """AuthZEN 1.0, policy decision point metadata: `https`, without a query or a fragment."""
        if not given:
            return given
        parts = urlsplit(given)
        if parts.scheme != "https" or not parts.hostname or parts.username is not None or "?" in given or "#" in given:
            raise ValueError("an https URL without a query or a fragment, such as `https://pdp.example.com`")
        return given.removesuffix(_PATH_END)
