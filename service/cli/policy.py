"""`magistrate policy`: checks and formats policy files and runs their tests, offline; and moves those of a service."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from policy_lang.bundle import Bundle
from policy_lang.diagnostics import Diagnostic, PolicyError
from service.cli.policy_fmt import fmt
from service.cli.policy_report import check_json, check_sarif
from service.cli.policy_store import COMMANDS
from service.cli.policy_test.command import test
from service.cli.settings import FINDINGS, reported
from service.policies.folder import load_bundle

Command = TypeVar("Command", bound=Callable[..., object])

_folder = click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("policies"))


@click.group()
def command() -> None:
    """Check, format and test policy files, offline.

    Push them to a service that keeps its policies, and put them in force.
    """


for _each in (fmt, test, *COMMANDS):
    command.add_command(_each)


def _output_option(*forms: str) -> Callable[[Command], Command]:
    return click.option(
        "--output", type=click.Choice(["text", *forms]), default="text", show_default=True, help="The form."
    )


@command.command()
@_folder
@_output_option("json", "sarif")
def check(folder: Path, output: str) -> None:
    """Check the policy files in FOLDER: every fault at once, with its place and help. Exit code 1 if there is one."""
    bundle, diagnostics = _load(folder)
    match output:
        case "json":
            click.echo(check_json(diagnostics, _counts(bundle) if bundle else None))
        case "sarif":
            click.echo(check_sarif(diagnostics, folder))
        case _:
            _show(diagnostics)
            if bundle:
                counts = (_count(number, noun.removesuffix("s")) for noun, number in _counts(bundle).items())
                click.echo(f"ok: {', '.join(counts)}")
    sys.exit(0 if bundle else FINDINGS)


def _load(folder: Path) -> tuple[Bundle | None, tuple[Diagnostic, ...]]:
    """The bundle, or None where it does not load, and what was found."""
    with reported():
        try:
            bundle = load_bundle(folder)
        except PolicyError as error:
            return None, error.diagnostics
    return bundle, ()


def _counts(bundle: Bundle) -> dict[str, int]:
    """How much the bundle holds."""
    rules = {rule.id for found in bundle.program.rules.values() for rule in found}
    return {
        "files": len(bundle.files),
        "types": len(bundle.program.schema.types),
        "rules": len(rules),
        "tests": bundle.program.test_count,
    }


def _show(diagnostics: Sequence[Diagnostic]) -> None:
    if diagnostics:
        click.echo("\n\n".join(found.render() for found in diagnostics), err=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
