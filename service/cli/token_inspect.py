"""`magistrate token inspect`: shows what a token says, and whether it is one of the issuers that are known here."""

import sys
import time
from pathlib import Path
from typing import Final

import click

from service.cli.settings import FINDINGS, settings_options
from service.cli.token_report import inspect, lacks_keys, report_json, report_lines
from service.config import Settings
from service.errors import Unauthenticated

_STDIN_LIMIT: Final = 1 << 20


@click.command("inspect")
@settings_options("data")
@click.argument("token", required=False, envvar="MAGISTRATE_TOKEN")
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="A file with it.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def inspect_command(settings: Settings, token: str | None, token_file: Path | None, output: str) -> None:
    """Show what TOKEN says, without its signature; offline.

    TOKEN is `-` for standard input, or stands in --token-file or MAGISTRATE_TOKEN: unlike an argument, these are not
    shown to everybody who lists processes. It is verified if --config lists issuers, or --data names a folder with the
    dev key pair; otherwise nothing that it says is known to be true.

    Exit code: 0 shown (and verified, if it could be), 1 malformed or refused, 2 usage.
    """
    try:
        report = inspect(_token_of(token, token_file), settings, time.time_ns() // 1_000_000)
    except Unauthenticated as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(FINDINGS)
    click.echo(report_json(report) if output == "json" else "\n".join(report_lines(report)))
    if lacks_keys(report, settings):
        click.echo("help: `magistrate issuer check` fetches the keys of its issuer, and verifies it", err=True)
    sys.exit(FINDINGS if report.refusal else 0)


def _token_of(token: str | None, token_file: Path | None) -> str:
    if token_file is not None:
        with token_file.open("rb") as file:
            content = file.read(_STDIN_LIMIT)
    elif token == "-":  # noqa: S105  # the sign for standard input
        content = sys.stdin.buffer.read(_STDIN_LIMIT)
    elif token:
        return token.strip()
    else:
        raise click.UsageError("no token: give `-` and standard input, --token-file, MAGISTRATE_TOKEN, or the token")
    return content.decode("utf-8", "replace").strip()
