"""A group of commands of which each is loaded when it is used: the list holds what its help says of them."""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from policy_lang.uncollected import uncollected


@dataclass(frozen=True, slots=True)
class Entry:
    """A command in the list: where it is, as MODULE:NAME, and what it does in one line."""

    place: str
    line: str


class Commands(click.Group):
    """A group made with `entries`, which are shown in their order."""

    def __init__(self, name: str | None = None, *, entries: Mapping[str, Entry], **said: Any) -> None:
        super().__init__(name, **said)
        self.entries = entries

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The commands in the order of the list."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, loaded now."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        with uncollected():
            command = pkgutil.resolve_name(entry.place)
        assert isinstance(command, click.Command)  # noqa: S101  # narrows: the lists are of commands
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Writes the list without loading a command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.line) for name, entry in self.entries.items()])
