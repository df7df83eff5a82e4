"""`magistrate policy`: checks policy files and runs the tests they carry, offline; and moves those of a service."""

import sys
from pathlib import Path

import click

from policy_lang.bundle import Bundle
from policy_lang.suite import TestResult, run
from service.cli.policy_store import COMMANDS
from service.cli.settings import FINDINGS, reported
from service.policies.folder import load_bundle

_folder = click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("policies"))


@click.group()
def command() -> None:
    """Check and test policy files, offline; push them to a service that keeps its policies, and put them in force."""


for _each in COMMANDS:
    command.add_command(_each)


@command.command()
@_folder
def check(folder: Path) -> None:
    """Check the policy files in FOLDER: every fault at once, with its place and help. Exit code 1 if there is one."""
    bundle = _load(folder)
    rules = {rule.id for found in bundle.program.rules.values() for rule in found}
    schema = bundle.program.schema
    click.echo(
        f"ok: {_count(len(bundle.files), 'file')}, {_count(len(schema.types), 'type')},"
        f" {_count(len(rules), 'rule')}, {_count(len(bundle.program.tests), 'test')}"
    )


@command.command()
@_folder
def test(folder: Path) -> None:
    """Run the tests in the policy files of FOLDER. Exit code 1 if one does not come out as expected."""
    program = _load(folder).program
    results = run(program)
    failed = [result for result in results if not result.has_passed]
    for result in failed:
        click.echo(_failure(result))
    click.echo(
        f"{_count(len(results) - len(failed), 'expectation')} held, {len(failed)} did not,"
        f" in {_count(len(program.tests), 'test')}"
    )
    sys.exit(FINDINGS if failed else 0)


def _load(folder: Path) -> Bundle:
    with reported():
        bundle = load_bundle(folder)
    for warning in bundle.warnings:
        click.echo(warning.render(), err=True)
    return bundle


def _failure(result: TestResult) -> str:
    """What failed, where, and the lines that say how."""
    head = f"{result.expectation.span.location}: {result.case.name}"
    return "\n".join((head, *(f"  {line}" for line in result.lines)))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
