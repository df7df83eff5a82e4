"""`magistrate log unauthenticated`: the calls that were not authenticated, in sums."""

import click

from policy_lang.notation import format_timestamp
from service.cli.log_filters import read_time
from service.cli.output import Output, output_option, print_rows
from service.cli.settings import settings_options
from service.config import Settings
from service.db.opening import open_database
from service.decisions.unauthenticated import Unauthenticated


@click.command("unauthenticated")
@click.option(
    "--since", metavar="TIME", callback=read_time, default="1h", show_default=True, help="From then on, as of query."
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many rows.")
@output_option
@settings_options("data", "log_database")
def unauthenticated_command(settings: Settings, since: int, limit: int, output: Output) -> None:
    """Sum up the calls that were not authenticated: by the minute, why, and from which network."""
    database = open_database(settings.log_database_url)
    try:
        sums = Unauthenticated(database).since(since, limit)
    finally:
        database.close()
    print_rows([{**each._asdict(), "minute": format_timestamp(each.minute)} for each in sums], output)
