"""`magistrate token`: makes tokens with the dev key pair, shows what a token says, and has tokens revoked."""

from collections.abc import Mapping
from typing import Final

import click

from service.cli.commands import Commands, Entry

COMMANDS: Final[Mapping[str, Entry]] = {
    "mint": Entry("service.cli.token_mint:mint_command", "Print a token of the dev issuer, and nothing else."),
    "inspect": Entry(
        "service.cli.token_inspect:inspect_command", "Show what TOKEN says, without its signature; offline."
    ),
    "revoke": Entry(
        "service.cli.token_revoke:revoke_command",
        "Refuse a token from now on, or every token of a principal or by a key.",
    ),
}


@click.group(cls=Commands, entries=COMMANDS)
def command() -> None:
    """Make, read and revoke tokens."""
