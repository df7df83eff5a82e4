"""The settings of trying out candidate policies beside those in force."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class ShadowSettings(BaseModel):
    """Which candidate decides beside the policies in force, how often, and what it may cost."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policies: Path | None = Field(
        default=None, description="a folder with candidate policies; with policies_source = store, `policy shadow` says"
    )
    ratio: float = Field(default=1.0, gt=0, le=1, description="the share of calls that a candidate decides too")
    budget_ms: int = Field(default=20, ge=1, le=1000, description="how long a call may wait for a candidate's facts")
    faults: int = Field(
        default=100, ge=1, le=1_000_000, description="faults in a row after which a worker lets go of a candidate"
    )
    cache_entries: int = Field(
        default=10_000, ge=0, le=10_000_000, description="facts of each kind that a worker keeps for candidates"
    )
