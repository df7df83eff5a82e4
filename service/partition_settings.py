"""The settings of the partitions of the decision log on PostgreSQL."""

from pydantic import BaseModel, ConfigDict, Field


class PartitionSettings(BaseModel):
    """How long a partition is, and how many are made ahead; another length holds for those that are made from then."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hours: int = Field(default=168, ge=1, le=24 * 366, description="how long a partition of the log is, on PostgreSQL")
    ahead: int = Field(default=3, ge=0, le=100, description="how many partitions are made before they are needed")

    @property
    def span_ms(self) -> int:
        """How long a partition is, in milliseconds."""
        return self.hours * 3_600_000
