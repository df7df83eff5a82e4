"""What `check` and `explain` share: how a question is put on the command line, asked, and what the exit code says."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import click

from magistrate_client.errors import InvalidRequest, MagistrateError
from magistrate_client.question import Details, Resource
from magistrate_client.sync_client import Magistrate
from magistrate_client.values import BadValue, EntityRef
from service.cli.calling import Connection, connection_options, presented_token
from service.cli.pairs import read_pairs
from service.cli.tls_options import credentials_from

NO_ANSWER: Final = 3
"""Exit code where the service gave no answer: not to be taken for a deny, and never for an allow."""

Function = TypeVar("Function", bound=Callable[..., object])


class Asked(Connection):
    """What the options of `question_options` give."""

    action: str
    resource: str
    attr: tuple[str, ...]
    parent: tuple[str, ...]
    context: tuple[str, ...]
    principal: str | None
    principal_token: str | None
    fulfil: tuple[str, ...]
    output: str


_QUESTION: Final = (
    click.argument("action"),
    click.argument("resource", metavar="TYPE:ID"),
    click.option("--attr", multiple=True, metavar="NAME=VALUE", help="An attribute of the resource (NAME:=JSON too)."),
    click.option("--parent", multiple=True, metavar="TYPE:ID", help="A parent of a resource that the action makes."),
    click.option("--context", multiple=True, metavar="NAME=VALUE", help="What else the request knows."),
    click.option("--principal", metavar="TYPE:ID", help="Whom it is about, on your word; else yourself."),
    click.option("--principal-token", metavar="TOKEN", help="Whom it is about, by that token."),
)
_ANSWER: Final = (
    click.option("--fulfil", multiple=True, metavar="TYPE", help="An obligation that you fulfil if it is asked."),
    click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True),
)


def question_options(function: Function) -> Function:
    """Gives a command the options of one question; they arrive as `Asked`."""
    for option in reversed((*_QUESTION, connection_options, *_ANSWER)):
        function = option(function)
    return function


def resource_of(asked: Asked) -> Resource:
    """The resource that the options describe; UsageError if they do not."""
    parents = tuple(_entity(parent) for parent in asked["parent"])
    named = _entity(asked["resource"])
    return Resource(named.type, named.id, read_pairs(asked["attr"], "--attr"), parents)


def details_of(asked: Asked) -> Details:
    """Whom the question is about, and its context; UsageError if the options do not say it."""
    details = Details(context=read_pairs(asked["context"], "--context"))
    if asked["principal"]:
        details["principal"] = _entity(asked["principal"])
    if asked["principal_token"]:
        details["principal_token"] = asked["principal_token"]
    return details


def _entity(text: str) -> EntityRef:
    try:
        return EntityRef.parse(text)
    except BadValue as error:
        raise click.UsageError(str(error)) from error


@contextmanager
def client_of(asked: Asked) -> Iterator[Magistrate]:
    """A client of the service; an error ends the command with its text, 2 for a wrong question and 3 for no answer."""
    try:
        with Magistrate(
            asked["server"],
            token=presented_token(asked),
            credentials=credentials_from(asked, insecure=asked["insecure"]),
            timeout=asked["timeout"],
            insecure=asked["insecure"],
            channels=1,
        ) as client:
            yield client
    except MagistrateError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2 if isinstance(error, InvalidRequest) else NO_ANSWER)
