"""The settings of what callers may do in a time: by their name, by their issuer, by their type, or all alike."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

_STRICT: Final = ConfigDict(extra="forbid", frozen=True)


class AllowanceSettings(BaseModel):
    """What one caller may do: how often, and how much of it at a time."""

    model_config = _STRICT

    per_minute: int | None = Field(
        default=None, ge=1, le=100_000_000, description="calls a minute in the long run; a batch counts as its checks"
    )
    burst: int | None = Field(
        default=None, ge=1, le=10_000_000, description="calls at once after a pause; a second's worth when not given"
    )
    in_flight: int | None = Field(
        default=None, ge=1, le=100_000, description="calls, or messages of streams, under way at a time, per worker"
    )

    @model_validator(mode="after")
    def _burst_has_a_rate(self) -> "AllowanceSettings":
        if self.burst is not None and self.per_minute is None:
            raise ValueError("give per_minute with burst")
        return self


class RatesSettings(BaseModel):
    """What each caller may do; of several that fit the first counts: by name, by issuer, by type, else `default`."""

    model_config = _STRICT

    default: AllowanceSettings | None = Field(default=None, description="every caller that nothing else here is for")
    types: dict[str, AllowanceSettings] = Field(default={}, description="callers of a principal type")
    issuers: dict[str, AllowanceSettings] = Field(default={}, description="callers that an issuer vouches for")
    principals: dict[Annotated[str, Field(pattern=r"^[^:]+:.+$")], AllowanceSettings] = Field(
        default={}, description="callers by name, as `Type:id`"
    )
