"""The list of commands says of each what the command says of itself."""

from importlib import import_module

import click
import pytest

from service.cli import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_a_listed_command_is_there_and_documented(name: str) -> None:
    command = import_module(COMMANDS[name].module).command
    assert isinstance(command, click.Command)
    assert command.help
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert all(option.help or option.name in ("config", "output") for option in options)
