"""The settings of tracing: where spans go, and of how many calls."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator


class TracingSettings(BaseModel):
    """Which calls are traced; none without `endpoint`. Only calls that are authenticated ever are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str = Field(
        default="", pattern=r"^(https?://.+)?$", description="URL of an OTLP/HTTP collector, such as http://host:4318"
    )
    ratio: float = Field(
        default=0.01, ge=0, le=1, description="the share that is traced of calls that are part of no trace yet"
    )
    per_minute: int = Field(
        default=600, ge=1, le=100_000, description="calls that are traced at most, for each worker, whoever wants them"
    )
    ca_file: Path | None = Field(
        default=None, description="a PEM file with the authorities of the collector; those of the system when not given"
    )

    @field_validator("endpoint")
    @classmethod
    def _can_be_read(cls, endpoint: str) -> str:
        """What sends spans would repeat another URL in the log, whatever password it has."""
        try:
            parts = urlsplit(endpoint)
            is_whole = not endpoint or (bool(parts.hostname) and parts.port != 0)
        except ValueError:
            is_whole = False
        if not is_whole or "?" in endpoint or "#" in endpoint:
            raise ValueError("is no URL of a host and a path; in a password `/` is `%2F`")
        return endpoint
