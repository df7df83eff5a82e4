"""`magistrate check`: asks the service one question."""

import sys
from typing import Unpack

import click

from service.cli.answers import decision_json, decision_lines, to_text
from service.cli.asking import Asked, client_of, details_of, question_options, resource_of


@click.command()
@question_options
def command(**asked: Unpack[Asked]) -> None:
    """Ask whether a principal may do ACTION on TYPE:ID.

    Exit code: 0 allow, 1 deny (or an obligation that you do not fulfil), 2 a wrong question, 3 no answer.
    """
    resource, details = resource_of(asked), details_of(asked)
    with client_of(asked) as client:
        decision = client.check(asked["action"], resource, **details)
    if asked["output"] == "json":
        click.echo(to_text(decision_json(decision)))
    else:
        click.echo("\n".join(decision_lines(decision)))
    sys.exit(0 if decision.fulfilling(*asked["fulfil"]) else 1)
