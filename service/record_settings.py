"""The settings of what the record holds: what is masked, by what it is found, and what is dropped."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from service.record_paths import read_record_path


def _check_path(text: str) -> str:
    read_record_path(text)
    return text


PathText = Annotated[str, Field(max_length=512), AfterValidator(_check_path)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]


class MaskSettings(BaseModel):
    """One kind of input whose values are not to stand in the record as they are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: PathText = Field(description="which input, such as resource.title, User.salary or claims.org.id")
    how: Literal["remove", "hash", "truncate"] = Field(description="what becomes of the value")
    characters: int | None = Field(default=None, ge=1, le=256, description="how many are left, with truncate")

    @model_validator(mode="after")
    def _characters_go_with_truncate(self) -> "MaskSettings":
        if (self.how == "truncate") != (self.characters is not None):
            raise ValueError("`characters` says how many `truncate` leaves, and goes with nothing else")
        return self


class DropSettings(BaseModel):
    """Allows that are not recorded, or of which a share is; denies and refusals always are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="counts what it drops")
    actions: list[Name] = Field(default=[], description="of these actions; of every one where none is listed")
    types: list[Name] = Field(default=[], description="on resources of these types; of every one where none is listed")
    keep: float = Field(default=0.0, ge=0, lt=1, description="the share that is recorded all the same")

    @model_validator(mode="after")
    def _something_is_named(self) -> "DropSettings":
        if not self.actions and not self.types:
            raise ValueError("list actions, types or both: a rule for everything would leave no record of any allow")
        return self


class RecordSettings(BaseModel):
    """What the record holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mask: list[MaskSettings] = Field(default=[], description="inputs that do not stand in the record as they are")
    mask_key_file: Path | None = Field(
        default=None, description="a file with 32 bytes or more, for its owner alone, under which values are hashed"
    )
    find_by: list[PathText] = Field(default=[], max_length=16, description="inputs by whose values records are found")
    drop: list[DropSettings] = Field(default=[], description="allows that are not recorded")

    @model_validator(mode="after")
    def _hashing_has_its_key(self) -> "RecordSettings":
        if any(mask.how == "hash" for mask in self.mask) != (self.mask_key_file is not None):
            raise ValueError('`mask_key_file` is the key of masks with how = "hash": give both, or neither')
        return self

    @model_validator(mode="after")
    def _each_stands_once(self) -> "RecordSettings":
        for what, texts in {
            "mask": [mask.path.removesuffix("?") for mask in self.mask],
            "find_by": [path.removesuffix("?") for path in self.find_by],
            "drop": [rule.name for rule in self.drop],
        }.items():
            twice = next((text for text in texts if texts.count(text) > 1), None)
            if twice is not None:
                raise ValueError(f"`{twice}` stands twice in {what}")
        return self
