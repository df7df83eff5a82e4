"""`magistrate config`: shows the settings that a service would have, and checks them as its start would."""

from collections.abc import Mapping
from typing import Final

import click

from service.cli.commands import Commands, Entry

COMMANDS: Final[Mapping[str, Entry]] = {
    "show": Entry("service.cli.config_show:show", "Show every setting with its value and the place that says so."),
    "check": Entry(
        "service.cli.config_check:check",
        "Check the settings as a start of the service would, and say all that is wrong.",
    ),
}


@click.group(cls=Commands, entries=COMMANDS)
def command() -> None:
    """Show and check the settings of a service."""
