"""`magistrate explain`: asks the service one question, and shows what every rule in play came to."""

import sys
from typing import Unpack

import click

from service.cli.answers import to_text
from service.cli.asking import Asked, client_of, details_of, question_options, resource_of
from service.cli.explanations import explanation_json, explanation_lines


@click.command()
@question_options
def command(**asked: Unpack[Asked]) -> None:
    """Ask whether a principal may do ACTION on TYPE:ID, and show every rule and clause, and what would flip the answer.

    It needs the permission `read_reasons`. Exit code as for `magistrate check`.
    """
    resource, details = resource_of(asked), details_of(asked)
    with client_of(asked) as client:
        explanation = client.explain(asked["action"], resource, **details)
    if asked["output"] == "json":
        click.echo(to_text(explanation_json(explanation)))
    else:
        click.echo("\n".join(explanation_lines(explanation)))
    sys.exit(0 if explanation.decision.fulfilling(*asked["fulfil"]) else 1)
