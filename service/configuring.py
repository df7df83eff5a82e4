"""Reads a service's settings: one TOML file, overridden by `MAGISTRATE_<NAME>`, overridden by the command line."""

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.exceptions import SettingsError

from service.config import Settings
from service.errors import ConfigError

FILE: Final = "file"
ENVIRONMENT: Final = "environment"
COMMAND_LINE: Final = "command line"
DEFAULT: Final = "default"

PREFIX: Final = "MAGISTRATE_"
OTHERS: Final = frozenset({"CONFIG", "SERVER", "TOKEN", "CA_FILE"})
"""Variables of commands that are no settings."""
SURELY: Final = 0.75
"""How like a setting's name (`SequenceMatcher.ratio`) a variable's is that can hardly mean something else."""
NEARLY: Final = 0.6
"""And one that may be a slip."""


class _Readable(BaseSettings, Settings):
    """The settings, as the environment may say them. Processes that are told them need not know how they are read."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__")


def load_settings(file: Path | None, overrides: Mapping[str, object]) -> Settings:
    """The settings of the file, the environment and the overrides, in rising order; ConfigError says what is wrong.

    Paths in the file are relative to the current folder, like those of the command line.
    """
    if file is not None and not file.is_file():
        raise ConfigError(f"there is no configuration file `{file}`")

    class FromFile(_Readable):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file)

    try:
        return FromFile(**overrides)  # type: ignore[arg-type]  # the values are validated, whatever they are
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"`{file}` is not TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"`{file}` is not UTF-8 (byte {error.start})") from error
    except OSError as error:
        raise ConfigError(f"`{file}` cannot be read: {(error.strerror or 'unknown').lower()}") from error
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(fault) for fault in error.errors())) from error
    except SettingsError as error:
        raise ConfigError(str(error)) from error


def said_by(file: Path | None, overrides: Mapping[str, object]) -> Mapping[str, Mapping[str, object]]:
    """What each place says of settings that are sound, the strongest place first."""
    return {
        COMMAND_LINE: overrides,
        ENVIRONMENT: EnvSettingsSource(_Readable)(),
        FILE: TomlConfigSettingsSource(_Readable, toml_file=file)(),
    }


def check_variables(likeness: float) -> int:
    """How many variables say settings; ConfigError where one says none, and its name is so like a setting's.

    Others may well put variables there that begin so: orchestrators do where a service is called `magistrate`.
    """
    given = {name.removeprefix(PREFIX) for name in os.environ if name.startswith(PREFIX)}
    said = {name for name in given if _is_setting(name)}
    unknown = sorted(given - said - OTHERS)
    # A start seldom has any, and then goes through no names.
    slips = {known.replace("__", "_"): known for known in _variables(Settings)} if unknown else {}
    meant = {name: slips.get(name.replace("__", "_")) or _nearest(name, likeness) for name in unknown}
    faults = [
        f"`{PREFIX}{name}` is no setting\nhelp: did you mean `{PREFIX}{setting}`?"
        for name, setting in meant.items()
        if setting
    ]
    if faults:
        raise ConfigError("\n".join(faults))
    return len(said)


def _is_setting(name: str) -> bool:
    """Whether a variable says a setting, or something in a table; what no table has is refused as settings are read."""
    first, delimiter, _ = name.partition("__")
    field = Settings.model_fields.get(first.lower())
    return field is not None and (not delimiter or any(_inner(field.annotation)))


def _nearest(name: str, likeness: float) -> str | None:
    """The variable of a setting or a table that is so like what the name begins with."""
    known = map(str.upper, Settings.model_fields)
    return next(iter(get_close_matches(name.partition("__")[0], known, n=1, cutoff=likeness)), None)


def _variables(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """What says each setting; not those in lists and in tables whose keys are chosen freely."""
    for name, field in model.model_fields.items():
        variable = above + name.upper()
        yield variable
        if get_origin(field.annotation) not in {dict, list, tuple}:
            for inner in _inner(field.annotation):
                yield from _variables(inner, f"{variable}__")


def _explain(fault: ErrorDetails) -> str:
    where = ".".join(str(step) for step in fault["loc"])
    if fault["type"] != "extra_forbidden":
        return f"`{where}`: {fault['msg'].removeprefix('Value error, ')}" if where else fault["msg"]
    *above, name = fault["loc"]
    here = [known for model in _models_at(Settings, above) for known in model.model_fields]
    anywhere = [known for model in _models(Settings) for known in model.model_fields]
    near = get_close_matches(str(name), here, n=1) or get_close_matches(str(name), anywhere, n=1)
    return f"unknown setting `{where}`" + (f"\nhelp: did you mean `{near[0]}`?" if near else "")


def _models_at(model: type[BaseModel], steps: Sequence[int | str]) -> list[type[BaseModel]]:
    """The settings that may stand where the steps lead to."""
    found = [model]
    for step in steps:
        fields = [each.model_fields[step] for each in found if step in each.model_fields]
        # An index, a key of a table, or the tag of a choice stays among the settings that there were.
        found = [inner for each in fields for inner in _inner(each.annotation)] or found
    return found


def _models(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The settings and all within them, each once."""
    found = [model]
    for each in found:
        for field in each.model_fields.values():
            found += [inner for inner in dict.fromkeys(_inner(field.annotation)) if inner not in found]
    return found


def _inner(annotation: object) -> Iterator[type[BaseModel]]:
    """The settings that are named in a type."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _inner(argument)
