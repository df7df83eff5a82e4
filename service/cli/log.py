"""`magistrate log`: finds what was decided; each command is a module of its own."""

from collections.abc import Mapping
from typing import Final

import click

from service.cli.commands import Commands, Entry

COMMANDS: Final[Mapping[str, Entry]] = {
    "query": Entry("service.cli.log_query:query_command", "List decisions and refusals, the newest first."),
    "show": Entry(
        "service.cli.log_show:show_command",
        "Say in words what decision ID was, and why, with the rules as they were then.",
    ),
    "tail": Entry(
        "service.cli.log_query:tail_command",
        "Show the last decisions and refusals, and then each as it comes, until interrupted.",
    ),
    "stats": Entry(
        "service.cli.log_stats:stats_command", "Count decisions by rule, principal, code and action, and over time."
    ),
    "flips": Entry(
        "service.cli.log_flips:flips_command",
        "Summarise what candidate policies, tried out beside those in force, decided otherwise.",
    ),
    "verify": Entry(
        "service.cli.log_verify:verify_command",
        "Find records that were removed, changed, moved or put in since they were logged.",
    ),
    "replay": Entry(
        "service.cli.log_replay:replay_command",
        "Decide again what was decided, by other policies and by what the record kept of its inputs.",
    ),
    "unauthenticated": Entry(
        "service.cli.log_unauthenticated:unauthenticated_command", "Sum up the calls that were not authenticated."
    ),
    "hold": Entry("service.cli.log_hold:hold_command", "Keep records from expiring and from being erased."),
    "expire": Entry("service.cli.log_expire:expire_command", "Take out of the log what [retention] keeps no longer."),
    "erase": Entry(
        "service.cli.log_erase:erase_command", "Take the records out of the log that are about a principal."
    ),
    "export": Entry(
        "service.cli.log_export:export_command",
        "Write the record, or what of it fits the filters, as JSON lines with a manifest.",
    ),
}


@click.group(cls=Commands, entries=COMMANDS)
def command() -> None:
    """Find what was decided."""
