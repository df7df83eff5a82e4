"""The settings of imports and exports over the service."""

from pydantic import BaseModel, ConfigDict, Field


class TransferSettings(BaseModel):
    """How much a worker takes and gives at a time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    import_bytes: int = Field(default=1 << 30, ge=1024, description="bytes in one import, which are kept on disk")
    at_once: int = Field(default=4, ge=1, le=100, description="imports and exports that one worker is asked for")
