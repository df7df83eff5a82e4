"""The command itself: what to run, where to report, what the exit code says."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict, Unpack

import click

from policy_lang.counts import counted
from policy_lang.coverage import Coverage
from policy_lang.diagnostics import Diagnostic, PolicyError
from service.cli.policy_check import show
from service.cli.policy_test.coverage_report import coverage_lines
from service.cli.policy_test.junit import junit
from service.cli.policy_test.outcome import Outcome, outcome_of
from service.cli.policy_test.report import failure_lines, suite_json
from service.cli.settings import FINDINGS, USAGE, reported
from service.errors import why
from service.policies.folder import load_bundle


class Asked(TypedDict):
    """What the options of the command give."""

    only: tuple[str, ...]
    coverage: bool
    min_coverage: int | None
    junit: Path | None
    output: str


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("policies"))
@click.option("--only", multiple=True, metavar="TEST", help="A test by its name, a pattern (`*pay*`) or PATH:LINE.")
@click.option("--coverage", is_flag=True, help="Show what the tests cover, and the lines that they do not.")
@click.option(
    "--min-coverage", type=click.IntRange(0, 100), metavar="PERCENT",
    help="Fail where less is covered, of rules or of values of clauses.",
)  # fmt: skip
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write JUnit XML to this file too.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="The form.")
def test(folder: Path, **asked: Unpack[Asked]) -> None:
    """Run the tests in the policy files of FOLDER, and explain each expectation that does not hold.

    Exit code: 0 all held; 1 one did not, a file is faulty, or too little is covered; 2 wrong usage.
    """
    outcome, diagnostics = _outcome(folder, asked["only"])
    if asked["junit"]:
        _write_junit(asked["junit"], outcome, diagnostics)
    least = asked["min_coverage"]
    is_low = outcome is not None and least is not None and outcome.coverage.percent < least
    is_ok = outcome is not None and not outcome.failed and not is_low
    if asked["output"] == "json":
        has_measured = asked["coverage"] or least is not None
        click.echo(suite_json(outcome, diagnostics, is_ok=is_ok, has_measured=has_measured))
    else:
        _show(outcome, diagnostics, shows_coverage=asked["coverage"])
    if outcome is not None and is_low:
        _complain(outcome.coverage, least)
    sys.exit(0 if is_ok else FINDINGS)


def _outcome(folder: Path, only: Sequence[str]) -> tuple[Outcome | None, tuple[Diagnostic, ...]]:
    """What came of the tests, or None where the policies do not load, and what was found in them."""
    with reported():
        try:
            return outcome_of(load_bundle(folder), only), ()
        except PolicyError as error:
            return None, error.diagnostics


def _show(outcome: Outcome | None, diagnostics: Sequence[Diagnostic], *, shows_coverage: bool) -> None:
    if outcome is None:
        show(diagnostics)
        return
    for result, rules in outcome.results:
        if not result.has_passed:
            click.echo("\n".join((*failure_lines(result, rules), "")))
    held = len(outcome.results) - outcome.failed
    click.echo(f"{counted(held, 'expectation')} held, {outcome.failed} did not, in {counted(outcome.tests, 'test')}")
    if shows_coverage:
        click.echo("\n".join(coverage_lines(outcome.coverage)))


def _complain(coverage: Coverage, least: int | None) -> None:
    """Says that too little is covered."""
    rules, values = coverage.rule_share.percent, coverage.value_share.percent
    click.echo(
        f"error: {least} % are to be covered, and {rules} % of rules and {values} % of values of clauses are\n"
        "help: `--coverage` shows the lines",
        err=True,
    )


def _write_junit(path: Path, outcome: Outcome | None, diagnostics: Sequence[Diagnostic]) -> None:
    results = () if outcome is None else outcome.results
    said = [(result, click.unstyle("\n".join(failure_lines(result, rules)))) for result, rules in results]
    try:
        path.write_bytes(junit(said, diagnostics))
    except OSError as error:
        click.echo(f"error: `{path}` cannot be written: {why(error)}", err=True)
        sys.exit(USAGE)
