"""The command itself: what to run, where, where to report, what the exit code says."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Unpack

import click
from click.core import ParameterSource
from magistrate.v1 import policy_pb2 as pb

from policy_lang.counts import counted
from service.cli.calling import Connection, asks_service, long_connection_options
from service.cli.policy_test.asking import Asked, tested_by_service, tested_here
from service.cli.policy_test.coverage_report import coverage_lines
from service.cli.policy_test.junit import junit
from service.cli.policy_test.report import failure_lines, show_diagnostics, suite_json
from service.cli.settings import FINDINGS, USAGE, reported
from service.errors import why

SECONDS: Final = 120.0
_FOLDER: Final = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("folder", type=_FOLDER, default=Path("policies"))
@click.option("--digest", help="Test pushed policies, on the service: their digest, its beginning, or `active`.")
@click.option(
    "--tests", type=_FOLDER, help="Run the tests in this folder too, whose files hold tests and fixtures alone."
)
@click.option("--only", multiple=True, metavar="TEST", help="A test by its name, a pattern (`*pay*`) or PATH:LINE.")
@click.option("--coverage", is_flag=True, help="Show what the tests cover, and the lines that they do not.")
@click.option(
    "--min-coverage", type=click.IntRange(0, 100), metavar="PERCENT",
    help="Fail where less is covered, of rules or of values of clauses.",
)  # fmt: skip
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML to this file too.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="The form.")
@long_connection_options(SECONDS)
def test(
    folder: Path, *, digest: str | None, tests: Path | None, only: tuple[str, ...], coverage: bool,
    min_coverage: int | None, junit: Path | None, output: str, **connection: Unpack[Connection],
) -> None:  # fmt: skip
    """Run the tests in the policy files of FOLDER, and explain each expectation that does not hold.

    Here, or on the service where one of its options is given, or a `--digest`.

    Exit code: 0 all held; 1 one did not, a file is faulty, or too little is covered; 2 wrong usage; 3 no service.
    """
    has_measured = coverage or min_coverage is not None
    outcome = _outcome(Asked(folder, digest, tests, only, has_measured), connection)
    if junit:
        _write_junit(junit, outcome)
    is_low = outcome.HasField("coverage") and outcome.coverage.percent < (min_coverage or 0)
    is_ok = not outcome.diagnostics and not outcome.failed and not is_low
    if output == "json":
        click.echo(suite_json(outcome, is_ok=is_ok))
    else:
        _show(outcome, shows_coverage=coverage)
    if is_low:
        _complain(outcome.coverage, min_coverage)
    sys.exit(0 if is_ok else FINDINGS)


def _outcome(asked: Asked, connection: Connection) -> pb.TestResponse:
    if asked.digest is not None:
        if click.get_current_context().get_parameter_source("folder") is ParameterSource.COMMANDLINE:
            raise click.UsageError("FOLDER or --digest: further tests are named by --tests")
        return _by_service(asked, connection)
    if asks_service():
        return _by_service(asked, connection)
    with reported():
        return tested_here(asked)


def _by_service(asked: Asked, connection: Connection) -> pb.TestResponse:
    with reported():
        return tested_by_service(asked, connection)


def _show(outcome: pb.TestResponse, *, shows_coverage: bool) -> None:
    if outcome.diagnostics:
        show_diagnostics(outcome.diagnostics)
        return
    for result in outcome.results:
        if not result.held:
            click.echo("\n".join((*failure_lines(result), "")))
    if outcome.left_out:
        click.echo(f"{counted(outcome.left_out, 'expectation')} left out of the answer, which has no room for more\n")
    click.echo(
        f"{counted(outcome.held, 'expectation')} held, {outcome.failed} did not, in {counted(outcome.tests, 'test')}"
    )
    if shows_coverage:
        click.echo("\n".join(coverage_lines(outcome.coverage)))


def _complain(coverage: pb.TestCoverage, least: int | None) -> None:
    """Says that too little is covered."""
    rules, values = coverage.rule_share.percent, coverage.value_share.percent
    click.echo(
        f"error: {least} % are to be covered, and {rules} % of rules and {values} % of values of clauses are\n"
        "help: `--coverage` shows the lines",
        err=True,
    )


def _write_junit(path: Path, outcome: pb.TestResponse) -> None:
    said: Sequence[tuple[pb.TestResult, str]] = [
        (result, "" if result.held else click.unstyle("\n".join(failure_lines(result)))) for result in outcome.results
    ]
    try:
        path.write_bytes(junit(said, outcome.diagnostics))
    except OSError as error:
        click.echo(f"error: `{path}` cannot be written: {why(error)}", err=True)
        sys.exit(USAGE)
