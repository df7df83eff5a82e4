"""The settings of roles that are held in an emergency."""

from pydantic import BaseModel, ConfigDict, Field


class BreakGlassSettings(BaseModel):
    """How far an emergency reaches."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    longest_seconds: int = Field(
        default=14_400, ge=60, le=86_400, description="the longest that an emergency grant may be in force"
    )
