"""The command `magistrate`: a list of commands, each in a module of its own loaded when it is used.

`serve` must not load gRPC in the supervisor, and `--help` need load nothing: the list holds each command's line.
"""

from collections.abc import Mapping
from typing import Final

import click

from service.cli.commands import Commands, Entry

COMMANDS: Final[Mapping[str, Entry]] = {
    "init": Entry("service.cli.init:command", "Make a starter project in an empty folder."),
    "serve": Entry("service.cli.serve:command", "Answer checks until told to stop."),
    "demo": Entry("service.cli.demo:command", "Show the whole story on a service of its own."),
    "check": Entry("service.cli.check:command", "Ask whether a principal may do an action on a resource."),
    "explain": Entry("service.cli.explain:command", "Ask, and show what every rule and clause came to."),
    "policy": Entry("service.cli.policy:command", "Check, format, test and push policy files, and put them in force."),
    "data": Entry("service.cli.data:command", "Write and read the facts that policies decide on."),
    "log": Entry("service.cli.log:command", "Find what was decided."),
    "token": Entry("service.cli.token:command", "Make, read and revoke tokens."),
    "issuer": Entry("service.cli.issuer:command", "Try whether an issuer of tokens works."),
    "key": Entry("service.cli.key:command", "Make, list, rotate and revoke API keys."),
    "session": Entry("service.cli.session:command", "Open, list and end sessions."),
    "certificate": Entry("service.cli.certificate:command", "Revoke client certificates, and let them in again."),
    "admin": Entry("service.cli.admin:command", "Say who may do what to this service."),
    "config": Entry("service.cli.config:command", "Show the settings of a service, and check them."),
    "db": Entry("service.cli.db:command", "Migrate the databases, show their state, back them up."),
}


@click.group(
    cls=Commands,
    entries=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.version_option(package_name="magistrate", prog_name="magistrate")
def main() -> None:
    """Magistrate decides who may do what, says why, and keeps the record."""
