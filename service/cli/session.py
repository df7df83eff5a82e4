"""`magistrate session`: opens, lists and ends the sessions of a running service.

A session's text is printed once, alone, on standard output; what is said about it goes to standard error.
"""

import sys
from typing import Final, Unpack

import click
import orjson
from magistrate.v1 import credential_pb2 as pb
from magistrate.v1.credential_pb2_grpc import CredentialServiceStub

from policy_lang.counts import counted
from policy_lang.types import Json
from service.cli.calling import Connection, call, call_pages, connection_options
from service.cli.moments import read_length, write_moment
from service.cli.output import Output, output_option, print_result, print_rows
from service.cli.references import read_entity

PAGE: Final = 1000
_STDIN_LIMIT: Final = 4096
_PURPOSES: Final = {pb.SESSION_PURPOSE_PRINCIPAL_TOKEN: "principal_token", pb.SESSION_PURPOSE_CALL: "call"}


@click.group()
def command() -> None:
    """Open, list and end sessions.

    Who opens a session needs `check_as` on its principal's type, or `key.manage` for one that calls; who lists them
    needs `key.manage`, and who ends those of others `revoke`.
    """


@command.command("open")
@click.argument("principal", metavar="TYPE:ID")
@click.option("--calls", is_flag=True, help="Good for calling; else for naming whom a question is about.")
@click.option("--idle", metavar="DURATION", help="How long it may lie unused, such as 15m; else 30 minutes.")
@click.option("--lifetime", metavar="DURATION", help="How long it lasts at the most, such as 8h; else 12 hours.")
@output_option
@connection_options
def open_(
    principal: str,
    calls: bool,
    idle: str | None,
    lifetime: str | None,
    output: Output,
    **connection: Unpack[Connection],
) -> None:
    """Open a session that names TYPE:ID and print it, once."""
    request = pb.CreateSessionRequest(
        principal=read_entity(principal),
        purpose=pb.SESSION_PURPOSE_CALL if calls else pb.SESSION_PURPOSE_PRINCIPAL_TOKEN,
        idle=read_length(idle, "--idle"),
        lifetime=read_length(lifetime, "--lifetime"),
    )
    answer = call(connection, lambda channel: CredentialServiceStub(channel).CreateSession, request)
    if output == "table":
        ends = write_moment(answer.session.ends_at)
        click.echo(f"opened session {answer.session.id}; it ends {ends} or sooner", err=True)
        click.echo(answer.token)
    else:
        click.echo(orjson.dumps({**_row(answer.session), "token": answer.token, "revision": answer.revision}).decode())


@command.command("revoke")
@click.argument("which", metavar="[ID | -]", required=False)
@click.option("--principal", metavar="TYPE:ID", help="Every session of this principal.")
@output_option
@connection_options
def revoke(which: str | None, principal: str | None, output: Output, **connection: Unpack[Connection]) -> None:
    """End the session ID, the one on standard input (`-`), or all of a principal's."""
    if (which is None) == (principal is None):
        raise click.UsageError("give an ID, `-` with the session on standard input, or --principal")
    request = pb.RevokeSessionRequest(id=which or "")
    if principal is not None:
        request = pb.RevokeSessionRequest(principal=read_entity(principal))
    elif which == "-":
        request = pb.RevokeSessionRequest(token=sys.stdin.read(_STDIN_LIMIT).strip())
    answer = call(connection, lambda channel: CredentialServiceStub(channel).RevokeSession, request)
    said = f"ended {counted(answer.count, 'session')}"
    at = f"; revision {answer.revision}" if answer.revision else ""
    print_result(said + at, {"count": answer.count, "revision": answer.revision or None}, output)


@command.command("list")
@click.option("--principal", metavar="TYPE:ID", help="Of this principal alone.")
@output_option
@connection_options
def list_(principal: str | None, output: Output, **connection: Unpack[Connection]) -> None:
    """List the sessions, ended ones too for a day."""
    named = read_entity(principal) if principal is not None else None
    request = pb.ListSessionsRequest(principal=named, page_size=PAGE)
    pages = call_pages(connection, lambda channel: CredentialServiceStub(channel).ListSessions, request)
    print_rows([_row(session) for page in pages for session in page.sessions], output)


def _row(session: pb.Session) -> dict[str, Json]:
    return {
        "id": session.id,
        "principal": f"{session.principal.type}:{session.principal.id}",
        "purpose": _PURPOSES[session.purpose],
        "opened": write_moment(session.opened_at),
        "opened_by": session.opened_by,
        "renewed": write_moment(session.renewed_at),
        "ends": write_moment(session.ends_at),
        "revoked": write_moment(session.revoked_at),
    }
