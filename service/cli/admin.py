"""`magistrate admin`: on the host; whoever holds the database is admin by nature."""

from collections.abc import Mapping
from typing import Final

import click

from service.cli.commands import Commands, Entry

COMMANDS: Final[Mapping[str, Entry]] = {
    "grant": Entry("service.cli.admin_roles:grant", "Give PRINCIPAL a ROLE."),
    "revoke": Entry("service.cli.admin_roles:revoke", "Take a ROLE away from PRINCIPAL."),
    "list": Entry("service.cli.admin_roles:list_", "List who holds what, expired roles too."),
    "break-glass": Entry(
        "service.cli.break_glass:give", "Give PRINCIPAL a ROLE of the policies in an emergency, for a while."
    ),
    "end-break-glass": Entry("service.cli.break_glass:end", "End the emergency grant ID before its time."),
    "list-break-glass": Entry("service.cli.break_glass:list_", "List emergency grants, the newest first."),
}


@click.group(cls=Commands, entries=COMMANDS)
def command() -> None:
    """Say who may do what to this service; on its host, with its settings.

    PRINCIPAL is TYPE:ID, a team of principals, or TYPE:* for all of a type. ROLE is pep, reader, author, auditor,
    responder or admin; or one action: check, list, assert_attributes, check_as:TYPE (the principals that may be named;
    `*` is all).
    """
