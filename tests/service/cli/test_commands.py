"""The lists of commands name what is there, which says what it is for."""

from collections.abc import Iterator

import click
import pytest

from service.cli import main
from service.cli.commands import Commands


def commands_of(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from commands_of(command, f"{path}{name} ")


ALL = dict(commands_of(main))


@pytest.mark.parametrize("name", ALL)
def test_a_command_and_its_options_are_documented(name: str) -> None:
    command = ALL[name]
    assert command.help
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help and option.name not in ("config", "output")] == []


@pytest.mark.parametrize("name", [name for name, command in ALL.items() if isinstance(command, Commands)])
def test_a_listed_command_has_the_name_that_it_is_listed_by(name: str) -> None:
    listed = {each.rpartition(" ")[2]: command.name for each, command in ALL.items() if each.startswith(f"{name} ")}
    assert listed == {each: each for each in listed}
