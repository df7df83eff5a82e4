"""`magistrate log verify`: whether the log is as it was written, and what shows it."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Unpack

import click
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from magistrate.v1 import decision_log_pb2 as pb
from magistrate.v1.decision_log_pb2_grpc import DecisionLogServiceStub

from policy_lang.types import Json
from service.authn.private_files import read_bytes
from service.cli.calling import Connection, asks_service, call, long_connection_options
from service.cli.log_messages import read_verified
from service.cli.log_verify_export import export_fields, export_lines
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.db.opening import open_database
from service.decisions.exporting.checking import verify_export
from service.decisions.verification import verify_log
from service.decisions.verification_report import log_fields, log_limits, log_lines
from service.errors import ConfigError
from service.signing_keys import read_public_key

SECONDS: Final = 600.0
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


_KEY: Final = "The Ed25519 key that signed them (PEM). Repeatable."


@click.command("verify")
@click.option("--checkpoints", type=_FILE, help="Checkpoints kept outside the database; one line of them will do.")
@click.option("--export", type=click.Path(path_type=Path), help="Verify this export instead, without any database.")
@click.option("--public-key", "--key", "public_keys", type=_FILE, multiple=True, help=_KEY)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="The form.")
@long_connection_options(SECONDS)
@settings_options("data", "log_database")
def verify_command(
    settings: Settings,
    checkpoints: Path | None,
    export: Path | None,
    public_keys: tuple[Path, ...],
    output: str,
    **connection: Unpack[Connection],
) -> None:
    """Find records that were removed, changed, moved or put in since they were logged.

    Every replica's records are one chain of hashes. A chain that was computed anew agrees with itself: only a
    checkpoint shows it, and only one that whoever changed the log could not write: in a file that they did not reach,
    or signed by a key that they do not have. Records that expired or were erased are told apart from those that were
    removed by signed notes.

    Reads the log's database, on the host. With --server or a token the service verifies its own log, by its own file of
    checkpoints, for who holds `log.read` everywhere: that shows what others did to the database.

    Exit code: 0 as it was written, 1 not so, 2 usage, 3 the log is not available.
    """
    pems = [read_bytes(file, "the public key") for file in public_keys]
    keys = tuple(read_public_key(f"public key `{file}`", pem) for file, pem in zip(public_keys, pems, strict=True))
    if asks_service():
        if checkpoints is not None or export is not None:
            raise click.UsageError("--checkpoints and --export are for the host: the service has a file of its own")
        _verify_there(connection, pems, output)
        return
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


def _verify_there(connection: Connection, pems: Sequence[bytes], output: str) -> None:
    request = pb.VerifyRequest(public_keys=[pem.decode() for pem in pems])
    answer = call(connection, lambda channel: DecisionLogServiceStub(channel).Verify, request)
    report, limits = read_verified(answer), tuple(answer.not_shown)
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
