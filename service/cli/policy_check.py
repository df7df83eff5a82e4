"""`magistrate policy check`: every fault and lint of policy files, what rules cost, what a code means."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from policy_lang.counts import counted
from policy_lang.diagnostics import Diagnostic, Severity, did_you_mean
from policy_lang.linting.linter import Checked, check, check_without_lints
from policy_lang.pages import codes, page
from service.cli.policy_report import check_json, check_sarif
from service.cli.settings import FINDINGS, reported
from service.cli.stored_data import Stored, look_at_stored, show_stored, stored_json, stored_sarif
from service.policies.folder import read_texts


def _explain(context: click.Context, _: click.Parameter, code: str | None) -> None:
    """Shows a code's page, and no more."""
    if code is None:
        return
    if code.upper() not in codes():
        near = did_you_mean(code.upper(), codes())
        raise click.BadParameter(f"there is no code `{code}`" + (f"; {near}" if near else ""))
    click.echo(page(code.upper()), nl=False)
    context.exit()


@click.command("check")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("policies"))
@click.option("--strict", is_flag=True, help="Lints fail the check too.")
@click.option("--no-lint", is_flag=True, help="Look for faults alone.")
@click.option("--costs", is_flag=True, help="Show what each rule costs: its nodes, and steps through references.")
@click.option("--explain", metavar="CODE", is_eager=True, expose_value=False, callback=_explain,
              help="Show the page of a code, such as E203, and check nothing.")  # fmt: skip
@click.option(
    "--output", type=click.Choice(["text", "json", "sarif"]), default="text", show_default=True, help="The form."
)
@click.option(
    "--against-store",
    is_flag=True,
    help="Hold the stored facts against the policies' types too, on the service's host.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="MAGISTRATE_CONFIG",
    help="Settings in TOML, for --against-store.",
)
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="The service's own folder, for it.")
@click.option("--database", metavar="URL", help="The facts, for it; SQLite in the data folder by default.")
def check_command(
    folder: Path, strict: bool, no_lint: bool, costs: bool, output: str, against_store: bool, config: Path | None,
    **store: object,
) -> None:  # fmt: skip
    """Check the policy files in FOLDER: every fault and lint at once, with its place and help.

    Exit code 1 if there is a fault; a lint is a warning. `# allow W401: why` above a statement, or behind a line,
    allows one there. With --against-store also if stored facts do not fit the types, roles and relations: what is
    counted, with examples, and nothing of the values. Facts in mapped sources are not read: they are named.
    """
    with reported():
        texts = read_texts(folder)
        found = check_without_lints(texts) if no_lint else check(texts)
        stored = Stored()
        if against_store and found.bundle is not None:
            stored = look_at_stored(found.bundle.program.schema, config, store)
    is_ok = not stored.misfits and not any(strict or each.severity is Severity.ERROR for each in found.diagnostics)
    match output:
        case "json":
            more = stored_json(stored, texts) if against_store and found.bundle is not None else {}
            click.echo(check_json(found, is_ok=is_ok, has_costs=costs, more=more))
        case "sarif":
            click.echo(check_sarif(found.diagnostics, folder, lambda uri: stored_sarif(stored, texts, uri)))
        case _:
            show(found.diagnostics)
            show_stored(stored, texts, folder)
            _show_costs(found) if costs else None
            if is_ok:
                click.echo(f"ok: {', '.join(_contents(found))}")
    sys.exit(0 if is_ok else FINDINGS)


def show(diagnostics: Sequence[Diagnostic]) -> None:
    """Shows findings to a person, and where more is said of them."""
    if diagnostics:
        click.echo("\n\n".join(found.render() for found in diagnostics), err=True)
        click.echo(f"\n`magistrate policy check --explain {diagnostics[0].code}` says more", err=True)


def _contents(found: Checked) -> list[str]:
    """How much there is of each thing, and how many lints."""
    lints = len(found.diagnostics)
    counts = {**found.counts, **({"lints": lints} if lints else {})}
    return [counted(number, noun.removesuffix("s")) for noun, number in counts.items()]


def _show_costs(found: Checked) -> None:
    """The dearest rule first."""
    click.echo("nodes  steps  rule")
    for cost in found.costs:
        click.echo(f"{cost.nodes:5}  {cost.steps:5}  {cost.rule}")
