"""`magistrate log verify`: whether the log is as it was written, and what shows it."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from policy_lang.types import Json
from service.authn.private_files import read_bytes
from service.cli.log_verify_export import export_fields, export_lines
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.db.opening import open_database
from service.decisions.exporting.checking import verify_export
from service.decisions.verification import verify_log
from service.decisions.verification_report import log_fields, log_limits, log_lines
from service.errors import ConfigError
from service.signing_keys import read_public_key

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


_KEY: Final = "The Ed25519 key that signed them (PEM). Repeatable."


@click.command("verify")
@click.option("--checkpoints", type=_FILE, help="Checkpoints kept outside the database; one line of them will do.")
@click.option("--export", type=click.Path(path_type=Path), help="Verify this export instead, without any database.")
@click.option("--public-key", "--key", "public_keys", type=_FILE, multiple=True, help=_KEY)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="The form.")
@settings_options("data", "log_database")
def verify_command(
    settings: Settings, checkpoints: Path | None, export: Path | None, public_keys: tuple[Path, ...], output: str
) -> None:
    """Find records that were removed, changed, moved or put in since they were logged.

    Every replica's records are one chain of hashes. A chain that was computed anew agrees with itself: only a
    checkpoint shows it, and only one that whoever changed the log could not write: in a file that they did not reach,
    or signed by a key that they do not have. Records that expired or were erased are told apart from those that were
    removed by signed notes.

    Exit code: 0 as it was written, 1 not so, 2 usage, 3 the log is not available.
    """
    keys = tuple(read_public_key(f"public key `{file}`", read_bytes(file, "the public key")) for file in public_keys)
    if export is None:
        _verify_log(settings, checkpoints, keys, output)
        return
    if checkpoints is not None:
        raise click.UsageError("--checkpoints are for the log: an export has its own")
    report = verify_export(export, keys)
    _print(export_fields(report) if output == "json" else None, export_lines(report))
    if not report.is_sound:
        sys.exit(FINDINGS)


def _verify_log(settings: Settings, checkpoints: Path | None, keys: tuple[Ed25519PublicKey, ...], output: str) -> None:
    database = open_database(settings.log_database_url)
    try:
        report = verify_log(database, checkpoints, keys)
    except OSError as error:
        raise ConfigError(f"cannot read the checkpoints `{checkpoints}`: {error.strerror}") from error
    finally:
        database.close()
    limits = tuple(log_limits(report, has_file=checkpoints is not None, has_keys=bool(keys)))
    _print(log_fields(report, limits) if output == "json" else None, log_lines(report, limits))
    if not report.is_sound:
        sys.exit(FINDINGS)


def _print(fields: dict[str, Json] | None, lines: Iterator[str]) -> None:
    """Prints what a program reads, if there is that, else what a person does."""
    if fields is not None:
        click.echo(orjson.dumps(fields, option=orjson.OPT_INDENT_2).decode())
        return
    for line in lines:
        click.echo(line)
