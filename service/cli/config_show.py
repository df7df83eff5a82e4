"""`magistrate config show`: the settings that a service would have, and what says each of them."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from policy_lang.types import Json
from service.cli.output import Output, output_option, print_rows
from service.cli.settings import reported
from service.configuring import DEFAULT, ENVIRONMENT, load_settings, said_by
from service.db.opening import parse_url
from service.errors import ConfigError

Steps = tuple[str | int, ...]
"""The way to a setting: names, whatever they hold, and places in lists."""

HIDDEN: Final = "(not shown)"
DATABASES: Final = frozenset({"database", "log_database", "feed_url"})
"""Settings, wherever they stand, whose value is the URL of a database."""
USER: Final = re.compile(r"(?<=://).*@", re.DOTALL)
PARAMETERS: Final = re.compile(r"[?#].*", re.DOTALL)


@click.command()
@click.option("--changed", is_flag=True, help="Only what is not as it is by default.")
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), envvar="MAGISTRATE_CONFIG", help="Settings in TOML."
)
@output_option
def show(config: Path | None, output: Output, *, changed: bool) -> None:
    """Show every setting with its value and the place that says so. Passwords in URLs are not shown."""
    with reported():
        settings = load_settings(config, {})
        places = said_by(config, {})
    rows = [
        {
            "setting": ".".join(map(str, steps)),
            "value": redacted(steps[-1], value),
            "from": place_of(steps, value, places),
        }
        for steps, value in flat(settings.model_dump(mode="json"))
    ]
    print_rows([row for row in rows if not changed or row["from"] != DEFAULT], output)


def flat(value: Json, steps: Steps = ()) -> Iterator[tuple[Steps, Json]]:
    """Each setting by the way to it; lists of tables are numbered, other lists are one value."""
    match value:
        case dict() if value:
            for key, inner in value.items():
                yield from flat(inner, (*steps, key))
        case [dict(), *_]:
            for place, inner in enumerate(value):
                yield from flat(inner, (*steps, place))
        case _:
            yield steps, value


def place_of(steps: Steps, value: Json, places: Mapping[str, Mapping[str, object]]) -> str:
    """The strongest place that says something of a setting; of the environment with the variable."""
    for place, said in places.items():
        if _is_said(steps, value, said):
            return _variable(steps) if place == ENVIRONMENT else place
    return DEFAULT


def redacted(name: str | int, value: Json) -> Json:
    """The value of the setting without a secret that a URL in it may have."""
    match value:
        case list():
            return [redacted(name, each) for each in value]
        case str() if value and name in DATABASES:
            return _database(value)
        case str() if "://" in value:
            # By no parser: nothing of it may be well formed, and a token may stand there for a user.
            return PARAMETERS.sub("", USER.sub("***@", value))
        case _:
            return value


def _database(url: str) -> str:
    """A URL that can be opened without its password and parameters, nothing of another: all of it may be a password."""
    try:
        parsed = parse_url(url)
    except ConfigError:
        return HIDDEN
    return parsed.set(drivername=parsed.get_backend_name(), query={}).render_as_string(hide_password=True)


def _is_said(steps: Steps, value: Json, said: object) -> bool:
    for step in steps:
        match said:
            case Mapping() if step in said:
                said = said[step]
            case list() if isinstance(step, int) and step < len(said):
                said = said[step]
            case str():
                # A whole table in its short form, such as the name of a column: what is empty in it, it leaves open.
                return bool(value)
            case _:
                return False
    return True


def _variable(steps: Steps) -> str:
    """The variable that says a setting: its own, or that of a table around it."""
    names = ["MAGISTRATE_" + "__".join(map(str, steps[:length])).upper() for length in range(len(steps), 0, -1)]
    return next((each for each in names if each in os.environ), ENVIRONMENT)
