"""The settings of reading the log over the service: how much at once, and how far a page looks."""

from pydantic import BaseModel, ConfigDict, Field


class LogReadingSettings(BaseModel):
    """How a worker reads the log for those who audit it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connections: int = Field(default=2, ge=1, le=64, description="reads of the log that one worker does at a time")
    waiting: int = Field(default=16, ge=0, le=1000, description="reads that may wait for their turn beside them")
    tails: int = Field(default=8, ge=0, le=1000, description="tails that one worker follows at a time")
    scan_records: int = Field(
        default=50_000, ge=1000, le=10_000_000, description="records that one page looks at for what no index has"
    )
