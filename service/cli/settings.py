"""Gives a command the service's settings: options over `MAGISTRATE_<NAME>` over the file of `--config`.

An error that the service raises on purpose ends the command with its text and the exit code of `EXIT_CODES`.
"""

import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec

import click

from policy_lang.diagnostics import PolicyError
from service.errors import (
    AuditUnavailable,
    ConfigError,
    DeadlineExceeded,
    FactsUnavailable,
    InvalidRequest,
    LimitExceeded,
    MagistrateError,
    NoPolicies,
    PoliciesBroken,
    SchemaOutdated,
)

if TYPE_CHECKING:
    from service.config import Settings

FINDINGS: Final = 1
"""Exit code where what was given was read and found wrong, and of a deny."""
USAGE: Final = 2
"""Exit code of a command that cannot be meant so."""
UNAVAILABLE: Final = 3
"""Exit code where something that is needed does not answer."""

EXIT_CODES: Final[Mapping[type[MagistrateError], int]] = {
    ConfigError: USAGE,
    InvalidRequest: USAGE,
    LimitExceeded: USAGE,
    FactsUnavailable: UNAVAILABLE,
    AuditUnavailable: UNAVAILABLE,
    NoPolicies: UNAVAILABLE,
    DeadlineExceeded: UNAVAILABLE,
    SchemaOutdated: UNAVAILABLE,
}
"""What errors exit with; `FINDINGS` where one is not listed."""

Given = ParamSpec("Given")

_FOLDER: Final = click.Path(path_type=Path, file_okay=False)
_OPTIONS: Final[Mapping[str, Callable[[Callable[..., None]], Callable[..., None]]]] = {
    "policies": click.option("--policies", type=_FOLDER, help="The folder of policy files."),
    "policies_source": click.option(
        "--policies-source", type=click.Choice(["folder", "store"]), help="Whether policies are pushed instead."
    ),
    "data": click.option("--data", type=_FOLDER, help="The service's own folder: databases, spool, dev keys."),
    "database": click.option("--database", metavar="URL", help="The facts; SQLite in the data folder by default."),
    "log_database": click.option(
        "--log-database", metavar="URL", help="The log; SQLite in the data folder by default."
    ),
    "grpc": click.option("--grpc", metavar="HOST:PORT", help="Where the gRPC door listens; or unix:PATH."),
    "grpc_mtls": click.option(
        "--grpc-mtls", metavar="HOST:PORT", help="Where it listens for client certificates; needs [certificates]."
    ),
    "plaintext": click.option(
        "--plaintext", is_flag=True, default=None, help="Speak plain text to other machines: TLS ends before it."
    ),
    "http": click.option("--http", metavar="HOST:PORT", help="Where the HTTP door listens, or unix:PATH: AuthZEN."),
    "ops": click.option("--ops", metavar="HOST:PORT", help="Where the ops port listens; port 0 is any free one."),
    "workers": click.option("--workers", type=int, help="How many processes answer."),
    "replica_id": click.option("--replica-id", metavar="NAME", help="The name of this replica's spool."),
    "drain_seconds": click.option("--drain-seconds", type=float, help="How long calls in flight may finish."),
    "dev": click.option("--dev", is_flag=True, default=None, help="Trust a key pair made in the data folder."),
}

STARTING: Final = tuple(_OPTIONS)
"""The settings that a start of the service takes as options."""


def settings_options(
    *names: str,
) -> Callable[[Callable[Concatenate["Settings", Given], None]], Callable[Given, None]]:
    """Gives a command `--config` and the named settings as options; it gets the Settings first."""

    def decorate(function: Callable[Concatenate["Settings", Given], None]) -> Callable[Given, None]:
        @functools.wraps(function)
        def command(*args: Given.args, **kwargs: Given.kwargs) -> None:
            # Here, for commands that have no settings use this module too, and those who ask for help.
            from service.configuring import load_settings

            config = kwargs.pop("config")
            given = {name: kwargs.pop(name) for name in names}
            with reported():
                settings = load_settings(
                    config if isinstance(config, Path) else None,
                    {name: value for name, value in given.items() if value is not None},
                )
                function(settings, *args, **kwargs)

        wrapped: Callable[..., None] = command
        for name in reversed(names):
            wrapped = _OPTIONS[name](wrapped)
        return click.option(
            "--config",
            type=click.Path(path_type=Path, dir_okay=False),
            envvar="MAGISTRATE_CONFIG",
            help="Settings in TOML.",
        )(wrapped)

    return decorate


@contextmanager
def reported() -> Iterator[None]:
    """Runs a command; errors raised on purpose end it with their text on stderr and their exit code."""
    try:
        yield
    except (PolicyError, PoliciesBroken) as error:
        click.echo(str(error), err=True)
        sys.exit(FINDINGS)
    except MagistrateError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(EXIT_CODES.get(type(error), FINDINGS))
