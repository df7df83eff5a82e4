"""`magistrate config check`: checks the settings of a service as its start would."""

import sys

import click

from policy_lang.types import Json
from service.cli.output import Output, output_option, print_rows
from service.cli.settings import FINDINGS, STARTING, settings_options
from service.cli.settings_checks import Finding, check_settings
from service.config import Settings


@click.command()
@click.option("--offline", is_flag=True, help="Ask no database.")
@output_option
@settings_options(*STARTING)
def check(settings: Settings, output: Output, *, offline: bool) -> None:
    """Check the settings as a start of the service would, and say all that is wrong; nothing is changed.

    Exit code: 0 sound, though there may be warnings, 1 something is wrong, 2 the settings cannot be read.
    """
    found = list(check_settings(settings, connects=not offline))
    if output == "table":
        for each in found:
            click.echo(f"{_mark(each)} {each.subject}: {each.said}")
    else:
        print_rows([_fields(each) for each in found], output)
    sys.exit(0 if all(each.is_sound for each in found) else FINDINGS)


def _mark(found: Finding) -> str:
    if not found.is_sound:
        return click.style("error", fg="red")
    return click.style("warn ", fg="yellow") if found.is_warning else click.style("ok   ", fg="green")


def _fields(found: Finding) -> dict[str, Json]:
    return {"subject": found.subject, "sound": found.is_sound, "warning": found.is_warning, "said": found.said}
