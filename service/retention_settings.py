"""The settings of retention: how long records are kept, by effect and by tenant."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from policy_lang.notation import format_duration, parse_duration

FOREVER: Final = "forever"

_DAY_MS: Final = 86_400_000


def _milliseconds(written: object) -> object:
    """A length of time such as `90d` as milliseconds; `forever` as None."""
    if not isinstance(written, str):
        raise ValueError("expected a length of time such as `90d`, or `forever`")
    if written == FOREVER:
        return None
    length = parse_duration(written)
    if length < _DAY_MS:
        raise ValueError("records are kept for a day at least, `1d`")
    return length


def _written(kept: int | None) -> str:
    return FOREVER if kept is None else format_duration(kept)


Kept = Annotated[int | None, BeforeValidator(_milliseconds), PlainSerializer(_written)]
"""Milliseconds, None for ever; written as it is read, as settings are handed to every process."""


class RetentionRule(BaseModel):
    """How long the records of an effect, of a tenant, or of both are kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    effect: Literal["allow", "deny"] | None = Field(default=None, description="of which effect; not given: of both")
    tenant: str | None = Field(
        default=None, pattern=r"^[^:]+:.+$", description="of which tenant, as TYPE:ID; not given: of all others"
    )
    keep: Kept = Field(description="for how long, such as 90d, or forever")

    @model_validator(mode="after")
    def _names_something(self) -> "RetentionRule":
        if self.effect is None and self.tenant is None:
            raise ValueError("give effect or tenant; `default` is for the rest")
        return self


class RetentionSettings(BaseModel):
    """How long records are kept; without any of these for ever. What is held is kept whatever they say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: Kept = Field(default=FOREVER, validate_default=True, description="where no rule says otherwise")
    acts: Kept = Field(
        default=FOREVER, validate_default=True, description="records of acts on the service itself, whoever's they are"
    )
    rules: tuple[RetentionRule, ...] = Field(default=(), description="by tenant and effect, tenant or effect")
    log_database: str = Field(
        default="",
        description="URL of the log for who takes records out, by a role of its own; that of the log when empty",
    )
    every_seconds: float = Field(
        default=3600.0, ge=0.05, le=86_400, description="how often the service looks for records that expired"
    )

    @model_validator(mode="after")
    def _are_different(self) -> "RetentionSettings":
        named = [(rule.tenant, rule.effect) for rule in self.rules]
        if len(set(named)) < len(named):
            raise ValueError("two rules are of the same tenant and effect")
        return self

    @property
    def keeps_everything(self) -> bool:
        """Whether nothing ever expires."""
        return self.default is None and self.acts is None and all(rule.keep is None for rule in self.rules)

    @property
    def tenants(self) -> tuple[str, ...]:
        """Those that rules name, each once."""
        return tuple(dict.fromkeys(rule.tenant for rule in self.rules if rule.tenant is not None))

    def kept(self, tenant: str | None, effect: Literal["allow", "deny"]) -> int | None:
        """How long the records of a tenant, or of none that rules name, and an effect are kept; None is for ever.

        What is said of a tenant and an effect goes before what is said of the tenant, of the effect, of the rest.
        """
        said = {(rule.tenant, rule.effect): rule.keep for rule in self.rules}
        for named in ((tenant, effect), (tenant, None), (None, effect)):
            if named in said:
                return said[named]
        return self.default
