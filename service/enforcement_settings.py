"""The settings of whether decisions are enforced, or only recorded while rules are tried on a running system."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

TypeName = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]


class EnforcementSettings(BaseModel):
    """Whether what is decided is what is answered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["enforce", "log-only"] = Field(
        default="enforce", description="answer what is decided, or allow everything and record what was decided"
    )
    types: list[TypeName] = Field(
        default=[], description="log-only for resources of these types alone; for every one where none is listed"
    )

    @model_validator(mode="after")
    def _types_go_with_log_only(self) -> "EnforcementSettings":
        if self.types and self.mode == "enforce":
            raise ValueError('`types` narrows mode = "log-only", and says nothing without it')
        return self

    @property
    def is_log_only(self) -> bool:
        """Whether some decisions are not enforced."""
        return self.mode == "log-only"

    @property
    def warning(self) -> str:
        """What an operator must hear while some decisions are not enforced; empty where all are."""
        if not self.is_log_only:
            return ""
        reach = f"on {', '.join(f'`{name}`' for name in self.types)}" if self.types else "on every type"
        return f"log-only: nothing is enforced {reach}; whoever may ask is answered allow, whatever the policies say"
