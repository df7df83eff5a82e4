"""The command itself: a question, or tests, explained by the policies of a folder."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import click
import orjson

from magistrate_client.explanation import Explanation
from policy_lang.bundle import Bundle
from policy_lang.checking.fixtures import fixtures_of
from policy_lang.gather import gather
from policy_lang.loading import bundle_of, examine, read
from policy_lang.selection import UnknownTest, selected
from policy_lang.suite import TestResult, run
from policy_lang.types import Json
from service.cli.explanations import explanation_json, explanation_lines
from service.cli.offline import Explainer
from service.cli.policy_explain.asking import Asked, Fixtures, question_from
from service.cli.policy_explain.known import known_from
from service.cli.settings import FINDINGS, reported
from service.policies.folder import read_texts


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation, the test it is of ("" for a question), and whether it is an allow, or what the test expects."""

    title: str
    explanation: Explanation
    is_good: bool


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("action", required=False)
@click.argument("resource", required=False)
@click.option("--principal", metavar="PRINCIPAL", help="Who asks: a fixture's name, or TYPE:ID.")
@click.option("--test", multiple=True, metavar="TEST", help="Explain that test: its name, a pattern or PATH:LINE.")
@click.option(
    "--data", type=click.Path(path_type=Path, dir_okay=False), multiple=True,
    help="Facts beside the fixtures: JSON lines as `data export` writes them, or a `.json` list of the same.",
)  # fmt: skip
@click.option("--attr", multiple=True, metavar="NAME=VALUE", help="An attribute of the resource (NAME:=JSON too).")
@click.option("--parent", multiple=True, metavar="TYPE:ID", help="A parent of a resource that the action makes.")
@click.option("--context", multiple=True, metavar="NAME=VALUE", help="What else the request knows.")
@click.option("--claims", metavar="JSON", help="What the principal's token says.")
@click.option("--now", metavar="TIME", help="When it is asked, such as 2026-01-05T10:00:00Z; now by default.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="The form.")
def explain(folder: Path, action: str | None, resource: str | None, **asked: Unpack[Asked]) -> None:
    """Decide by the policies in FOLDER, without a service, and show how: rules, clauses, what would flip it.

    Ask whether `--principal` may do ACTION on RESOURCE, which is a fixture's name or TYPE:ID; or explain a `--test`.

    Exit code: 0 allow, or as the tests expect; 1 deny, or not so, or a file is faulty; 2 wrong usage.
    """
    if bool(asked["test"]) is (action is not None) or (action is not None and resource is None):
        raise click.UsageError("ask with ACTION, RESOURCE and `--principal`, or name a `--test`")
    with reported():
        found = examine(read(read_texts(folder)))
        bundle = bundle_of(found)
        if action is None or resource is None or found.symbols is None:
            explained = _tests(bundle, asked)
        else:
            explained = [_question(action, resource, asked, bundle, fixtures_of(found.symbols))]
    _show(explained, asked["output"])
    sys.exit(0 if all(each.is_good for each in explained) else FINDINGS)


def _question(action: str, resource: str, asked: Asked, bundle: Bundle, fixtures: Fixtures) -> Explained:
    """The question that the options put, on the facts that they give; what it would make is no row of a fixture."""
    schema, explainer = bundle.program.schema, Explainer(bundle)
    question = question_from((action, resource), asked, fixtures, schema)
    is_made = schema.makes_row(question.resource.type, action)
    given = [each for each in fixtures.values() if not (is_made and each.ref == question.resource)]
    (facts,) = gather([question], explainer.compiled, known_from(given, asked["data"], schema).source)
    explanation = explainer.explain(facts)
    return Explained("", explanation, bool(explanation.decision.effect))


def _tests(bundle: Bundle, asked: Asked) -> list[Explained]:
    """Each expectation of the tests that are meant."""
    try:
        chosen = selected(bundle, asked["test"])
    except UnknownTest as error:
        raise click.UsageError(str(error)) from error
    explainer = Explainer(chosen)
    return [
        Explained(_title(result), explainer.explain(result.facts), result.has_passed)
        for result in run(chosen.program, explainer.compiled)
    ]


def _title(result: TestResult) -> str:
    return f"{result.title}: {result.expectation.action} ({result.expectation.span.location})"


def _show(explained: list[Explained], output: str) -> None:
    if output == "json":
        forms = [explanation_json(each.explanation) for each in explained]
        document: Json = [
            {"test": each.title, "held": each.is_good, **form} for each, form in zip(explained, forms, strict=True)
        ]
        if not explained[0].title:
            (document,) = forms
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return
    for each in explained:
        if each.title:
            click.echo(f"{'held' if each.is_good else 'failed'}: {each.title}")
        click.echo("\n".join(explanation_lines(each.explanation)) + ("\n" if each.title else ""))
