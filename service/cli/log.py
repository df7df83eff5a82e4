"""`magistrate log`: finds what was decided; each command is a module of its own."""

import click

from service.cli.log_erase import erase_command
from service.cli.log_expire import expire_command
from service.cli.log_export import export_command
from service.cli.log_flips import flips_command
from service.cli.log_hold import hold_command
from service.cli.log_query import query_command, tail_command
from service.cli.log_replay import replay_command
from service.cli.log_show import show_command
from service.cli.log_stats import stats_command
from service.cli.log_unauthenticated import unauthenticated_command
from service.cli.log_verify import verify_command


@click.group()
def command() -> None:
    """Find what was decided."""


for each in (
    query_command,
    show_command,
    tail_command,
    stats_command,
    flips_command,
    verify_command,
    replay_command,
    unauthenticated_command,
    hold_command,
    expire_command,
    erase_command,
    export_command,
):
    command.add_command(each)
