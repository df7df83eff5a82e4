"""The command `magistrate`: a list of commands, each in a module of its own loaded when it is used.

`serve` must not load gRPC in the supervisor, and `--help` need load nothing: the list holds each command's line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Final, cast

import click


@dataclass(frozen=True, slots=True)
class Entry:
    """A command in the list: the module that has it as `command`, and what it does in one line."""

    module: str
    line: str


COMMANDS: Final[Mapping[str, Entry]] = {
    "init": Entry("service.cli.init", "Make a starter project in an empty folder."),
    "serve": Entry("service.cli.serve", "Answer checks until told to stop."),
    "demo": Entry("service.cli.demo", "Show the whole story on a service of its own."),
    "check": Entry("service.cli.check", "Ask whether a principal may do an action on a resource."),
    "explain": Entry("service.cli.explain", "Ask, and show what every rule and clause came to."),
    "policy": Entry("service.cli.policy", "Check, format, test and push policy files, and put them in force."),
    "data": Entry("service.cli.data", "Write and read the facts that policies decide on."),
    "log": Entry("service.cli.log", "Find what was decided."),
    "token": Entry("service.cli.token", "Make, read and revoke tokens."),
    "issuer": Entry("service.cli.issuer", "Try whether an issuer of tokens works."),
    "key": Entry("service.cli.key", "Make, list, rotate and revoke API keys."),
    "session": Entry("service.cli.session", "Open, list and end sessions."),
    "certificate": Entry("service.cli.certificate", "Revoke client certificates, and let them in again."),
    "admin": Entry("service.cli.admin", "Say who may do what to this service."),
    "config": Entry("service.cli.config", "Show the settings of a service, and check them."),
    "db": Entry("service.cli.db", "Migrate the databases, show their state, back them up."),
}


class Commands(click.Group):
    """The group of all commands, none of which is loaded before it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The commands in the order of the list."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, loaded now."""
        entry = COMMANDS.get(cmd_name)
        return cast(click.Command, import_module(entry.module).command) if entry else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Writes the list without loading a command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.line) for name, entry in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="magistrate", prog_name="magistrate")
def main() -> None:
    """Magistrate decides who may do what, says why, and keeps the record."""
