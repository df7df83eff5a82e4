"""The settings of TLS: the certificate that doors show, and the key of it."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class TlsSettings(BaseModel):
    """What a door shows. The files may change while it is open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificate_file: Path = Field(description="the door's certificate and those above it, in PEM")
    key_file: Path = Field(description="its private key in PEM, for its owner alone")
