"""Makes one call of the service for a command: its options, its connection, and the exit code of what fails.

Nothing is called twice that may have been done: what changes the service may have been, although no answer came.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn, Protocol, TypeVar

import click
import grpc
from click.core import ParameterSource

from magistrate_client.channels import Endpoint, endpoint
from magistrate_client.credentials import bearer
from magistrate_client.errors import InvalidRequest, LimitReached, MagistrateError, Unavailable
from magistrate_client.statuses import error_from_failure
from service.cli.settings import FINDINGS, UNAVAILABLE, USAGE
from service.cli.tls_options import TLS_OPTIONS, TlsOptions, credentials_from

_UNDER_WAY: Final = "ACTIVATION_UNDER_WAY"
AGAIN_SECONDS: Final = 0.5
"""Until a stream that ended is called for again."""

Function = TypeVar("Function", bound=Callable[..., object])
Metadata = tuple[tuple[str, str], ...]
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class PageRequest(Protocol):
    """Asks for one page of a list."""

    page_token: str


class Page(Protocol):
    """One page of a list; the last one has no token of a next."""

    next_page_token: str


AskedPage = TypeVar("AskedPage", bound=PageRequest)
AnswerPage = TypeVar("AnswerPage", bound=Page)


class Connection(TlsOptions):
    """What the options of `connection_options` give."""

    token: str | None
    token_file: Path | None
    server: str
    insecure: bool
    timeout: float


_TIME: Final = click.FloatRange(0, 86_400, min_open=True, max_open=True)
_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_OPTIONS: Final = (
    click.option("--token", envvar="MAGISTRATE_TOKEN", metavar="TOKEN", help="Your token [env: MAGISTRATE_TOKEN]."),
    click.option("--token-file", type=_FILE, help="A file with your token."),
    click.option(
        "--server", envvar="MAGISTRATE_SERVER", default="127.0.0.1:7080", show_default=True, metavar="HOST:PORT",
        help="The service, or unix:PATH [env: MAGISTRATE_SERVER].",
    ),
    click.option("--insecure", is_flag=True, help="Send the token in plain text to another machine."),
    *TLS_OPTIONS,
)  # fmt: skip
_SERVICE: Final = ("server", "token", "token_file", "certificate_file")


def connection_options(function: Function) -> Function:
    """Gives a command the options of a call; they arrive as `Connection`."""
    return long_connection_options(5.0)(function)


def long_connection_options(seconds: float) -> Callable[[Function], Function]:
    """The same for a call that takes as long as `seconds`, unless the user says otherwise."""
    timeout = click.option("--timeout", type=_TIME, default=seconds, show_default=True, help="Seconds for an answer.")

    def decorate(function: Function) -> Function:
        function = timeout(function)
        for option in reversed(_OPTIONS):
            function = option(function)
        return function

    return decorate


def asks_service() -> bool:
    """Whether the command line names the service, or who calls it."""
    context = click.get_current_context()
    return any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in _SERVICE)


def call(
    connection: Connection,
    method_of: "Callable[[grpc.Channel], grpc.UnaryUnaryMultiCallable[Asked, Answer]]",
    request: Asked,
) -> Answer:
    """The answer; an error ends the command with its text: 2 for a wrong request, 3 for no answer, else 1.

    What an activation was in the way of was not done, and is called for again until the time for an answer is over.
    """
    ends = time.monotonic() + connection["timeout"]
    while True:
        try:
            return answer_of(connection, method_of, request)
        except MagistrateError as error:
            after = error.retry_after if error.reason == _UNDER_WAY else None
            if after is None or time.monotonic() + after >= ends:
                end(error)
            time.sleep(after)


def answer_of(
    connection: Connection,
    method_of: "Callable[[grpc.Channel], grpc.UnaryUnaryMultiCallable[Asked, Answer]]",
    request: Asked,
) -> Answer:
    """The answer; the client library's errors for commands that go on after some of them."""
    with calling(connection) as (channel, metadata):
        return method_of(channel)(request, timeout=connection["timeout"], metadata=metadata)


@contextmanager
def calling(connection: Connection) -> Iterator[tuple[grpc.Channel, Metadata]]:
    """What a call is made with; what fails in the block is the client library's error."""
    metadata = _presented(connection)
    (channel,) = _endpoint(connection).open_channels()
    try:
        with channel:
            yield channel, metadata
    except grpc.RpcError as failure:
        raise error_from_failure(failure, "") from failure


def followed(
    connection: Connection,
    method_of: "Callable[[grpc.Channel], grpc.UnaryStreamMultiCallable[Asked, Answer]]",
    request: Asked,
) -> Iterator[Answer]:
    """What a stream tells, without an end: where it ends it is called for again, by what the request says then.

    Errors end as those of `call`, but a service that was there and is away is waited for. A token's file is read anew.
    """
    was_there = False
    at = _endpoint(connection)
    while True:
        metadata = _presented(connection)
        (channel,) = at.open_channels()
        try:
            with channel:
                for answer in method_of(channel)(request, metadata=metadata):
                    was_there = True
                    yield answer
        except grpc.RpcError as failure:
            error = error_from_failure(failure, "")
            if not was_there or not isinstance(error, Unavailable):
                end(error)
        time.sleep(AGAIN_SECONDS)


def call_pages(
    connection: Connection,
    method_of: "Callable[[grpc.Channel], grpc.UnaryUnaryMultiCallable[AskedPage, AnswerPage]]",
    request: AskedPage,
) -> Iterator[AnswerPage]:
    """The pages of a list, from the request's on, each called for when it is wanted; errors end as those of `call`."""
    while True:
        page = call(connection, method_of, request)
        yield page
        request.page_token = page.next_page_token
        if not request.page_token:
            return


def _endpoint(connection: Connection) -> Endpoint:
    insecure = connection["insecure"]
    return endpoint(
        connection["server"], credentials_from(connection, insecure=insecure), insecure=insecure, channels=1
    )


def _presented(connection: Connection) -> Metadata:
    token = presented_token(connection)
    return () if token is None else bearer(token)


def presented_token(connection: Connection) -> str | None:
    """The token that says who calls, None where a certificate does; UsageError where nothing does."""
    if connection["certificate_file"] is not None:
        return None
    return token_of(connection["token"], connection["token_file"])


def token_of(token: str | None, token_file: Path | None) -> str:
    """The caller's token, the file's first; UsageError where there is none."""
    if token_file is not None:
        try:
            return token_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise click.UsageError(f"the token file `{token_file}` cannot be read") from error
    if token:
        return token
    raise click.UsageError("no token: give --token-file, --token or MAGISTRATE_TOKEN")


def end(error: MagistrateError, *, wrong: int = USAGE) -> NoReturn:
    """Ends the command with the error's text and exit code, which is `wrong` for a wrong request."""
    if error.status is grpc.StatusCode.UNIMPLEMENTED:
        # Only PolicyService is not served always.
        help_ = "policies are pushed to a service whose `policies_source` is `store`"
        click.echo(f"error: this service does not offer that\nhelp: {help_}", err=True)
        sys.exit(FINDINGS)
    click.echo(f"error: {error}", err=True)
    if "page_token" in error.metadata:
        click.echo(f"help: go on behind these with --after {error.metadata['page_token']}", err=True)
    match error:
        case InvalidRequest():
            sys.exit(wrong)
        case Unavailable():
            sys.exit(UNAVAILABLE)
        case LimitReached() if error.retry_after is not None:
            sys.exit(UNAVAILABLE)
        case _:
            sys.exit(FINDINGS)
