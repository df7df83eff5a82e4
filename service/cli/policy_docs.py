"""`magistrate policy docs`: policies as a page in Markdown, for those who do not read policy text."""

import sys
from pathlib import Path

import click

from policy_lang.documenting.page import page
from service.cli.settings import FINDINGS, reported
from service.errors import ConfigError, why
from service.policies.folder import load_bundle


@click.command("docs")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("policies"))
@click.option(
    "--output", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the page there."
)
@click.option("--check", "is_check", is_flag=True, help="Write nothing; exit code 1 if FILE is not this page.")
def docs(folder: Path, file: Path | None, is_check: bool) -> None:
    """Show the policies in FOLDER as a page: who may do what, by which rules; roles, relations, types, examples."""
    if is_check and file is None:
        raise click.UsageError("`--check` needs `--output FILE`, the page to check")
    with reported():
        text = page(load_bundle(folder))
        if file is None:
            click.echo(text, nl=False)
        elif is_check:
            sys.exit(_check(file, text))
        else:
            _write(file, text)


def _check(file: Path, text: str) -> int:
    try:
        is_same = file.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        is_same = False
    if not is_same:
        click.echo(f"`{file}` is not the page of these policies\nhelp: write it anew, without `--check`", err=True)
    return 0 if is_same else FINDINGS


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"`{file}` cannot be written: {why(error)}") from error
    click.echo(f"wrote {file}", err=True)
