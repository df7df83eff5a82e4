"""The settings of the reads of one database: how many at a time, how long each, and when it is left alone."""

from pydantic import BaseModel, ConfigDict, Field


class PoolSettings(BaseModel):
    """How a worker reads one database."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connections: int = Field(default=8, ge=1, le=256, description="reads of one worker at a time")
    connections_aside: int = Field(
        default=4, ge=1, le=256, description="reads of one worker at a time that answer no checks: lists, watches"
    )
    waiting: int = Field(
        default=8, ge=0, le=1000, description="reads that may wait for each of them; what is more is refused at once"
    )
    statement_ms: int = Field(
        default=5_000,
        ge=10,
        le=600_000,
        description="milliseconds one statement may take, if the deadline is no sooner",
    )
    connect_seconds: int = Field(default=5, ge=1, le=60, description="how long a connection may take to be made")
    breaker_failures: int = Field(
        default=5, ge=1, le=1000, description="failures in a row after which the database is left alone"
    )
    breaker_seconds: float = Field(
        default=1.0, ge=0.05, le=300, description="how long at first; twice as long each time that it fails again"
    )
