"""`magistrate init`: copies the starter project into an empty folder and says what to do next."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from service.cli.settings import reported
from service.errors import ConfigError, why

NEXT_STEPS = """\
Made a project in {folder}: policies/, their tests, and facts to decide on.

Next, in that folder:
  magistrate policy check policies
  magistrate policy test policies
  magistrate data import data.jsonl
  magistrate serve --dev

and beside it, in a second terminal:
  magistrate token mint --principal User:alice > alice.token
  magistrate check edit Document:plan --token-file alice.token --context ip=10.1.2.3
  magistrate log query"""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
def command(folder: Path) -> None:
    """Make a starter project in FOLDER, which must be empty or not there yet."""
    with reported():
        write_starter(folder)
    click.echo(NEXT_STEPS.format(folder="this folder" if folder == Path() else f"`{folder}`"))


def write_starter(folder: Path) -> None:
    """Copies the starter project; ConfigError, and nothing written, if the folder holds anything."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"the folder `{folder}` is not empty\nhelp: give a new one, as in `magistrate init mine`")
        _copy(files("service.cli") / "starter", folder)
    except OSError as error:
        raise ConfigError(f"the folder `{folder}` cannot be written: {why(error)}") from error


def _copy(source: Traversable, target: Path) -> None:
    for entry in source.iterdir():
        if entry.is_dir():
            (target / entry.name).mkdir()
            _copy(entry, target / entry.name)
        else:
            (target / entry.name).write_bytes(entry.read_bytes())
