"""`magistrate token revoke`: takes a token, or all that a principal was issued, out of force on a running service."""

import sys
from typing import Final, NoReturn, Unpack

import click
from google.protobuf.timestamp_pb2 import Timestamp
from magistrate.v1.credential_pb2 import RevokeIssuerKeyRequest, RevokePrincipalRequest, RevokeTokenRequest
from magistrate.v1.credential_pb2_grpc import CredentialServiceStub

from policy_lang.notation import INT_LIMIT, format_timestamp
from policy_lang.types import Json
from service.authn.form import Form, form_of
from service.authn.jwt import read_unverified
from service.authn.opaque import name_of_opaque
from service.cli.calling import Connection, call, connection_options
from service.cli.moments import read_moment
from service.cli.output import Output, output_option, print_result
from service.cli.references import read_entity
from service.cli.settings import FINDINGS
from service.errors import Unauthenticated

_STDIN_LIMIT: Final = 1 << 20


@click.command("revoke")
@click.argument("standard_input", required=False, metavar="[-]")
@click.option("--jti", help="The token's `jti`; with --issuer.")
@click.option("--issuer", help="The token's `iss`.")
@click.option("--kid", help="A key of the --issuer, by which every token is refused.")
@click.option("--principal", metavar="TYPE:ID", help="Whom every token names that was issued up to now.")
@click.option("--expires-at", metavar="TIME", help="When the last of it expires: a day later it may be forgotten.")
@output_option
@connection_options
def revoke_command(
    standard_input: str | None,
    jti: str | None,
    issuer: str | None,
    kid: str | None,
    principal: str | None,
    expires_at: str | None,
    output: Output,
    **connection: Unpack[Connection],
) -> None:
    """Refuse a token from now on, or every token that a principal was issued up to now, or that a key signed.

    `-` reads the token from standard input, with --issuer an opaque one; else name it by --jti and --issuer, name the
    --principal, or name a key by --kid and --issuer.

    Exit code: 0 revoked, 1 refused, 2 a wrong request, 3 no answer.
    """
    if [standard_input, jti, kid, principal].count(None) != 3:
        raise click.UsageError("give one of `-` with the token on standard input, --jti, --kid, or --principal")
    if issuer is None and (jti is not None or kid is not None):
        raise click.UsageError("--jti and --kid go with --issuer: ids of tokens and keys are their issuer's own")
    if issuer is not None and principal is not None:
        raise click.UsageError("--principal goes without --issuer")
    end = read_moment(expires_at, "--expires-at")
    if principal is not None:
        _revoke_principal(principal, end, output, connection)
    elif kid is not None:
        _revoke_key(RevokeIssuerKeyRequest(issuer=issuer or "", kid=kid, expires_at=end), output, connection)
    elif standard_input is not None:
        _revoke_token(_named_by(standard_input, issuer), output, connection)
    else:
        _revoke_token(RevokeTokenRequest(issuer=issuer or "", jti=jti or "", expires_at=end), output, connection)


def _revoke_principal(text: str, expires_at: Timestamp | None, output: Output, connection: Connection) -> None:
    request = RevokePrincipalRequest(principal=read_entity(text), expires_at=expires_at)
    answer = call(connection, lambda channel: CredentialServiceStub(channel).RevokePrincipal, request)
    until = format_timestamp(answer.issued_until.ToMilliseconds())
    print_result(
        f"revoked every token of {text} issued up to {until}; revision {answer.revision}",
        {"principal": text, "issued_until": until, "revision": answer.revision},
        output,
    )


def _revoke_key(request: RevokeIssuerKeyRequest, output: Output, connection: Connection) -> None:
    answer = call(connection, lambda channel: CredentialServiceStub(channel).RevokeIssuerKey, request)
    print_result(
        f"revoked key {request.kid} of {request.issuer}; revision {answer.revision}",
        {"kid": request.kid, "issuer": request.issuer, "revision": answer.revision},
        output,
    )


def _revoke_token(request: RevokeTokenRequest, output: Output, connection: Connection) -> None:
    answer = call(connection, lambda channel: CredentialServiceStub(channel).RevokeToken, request)
    print_result(
        f"revoked token {request.jti} of {request.issuer}; revision {answer.revision}",
        {"jti": request.jti, "issuer": request.issuer, "revision": answer.revision},
        output,
    )


def _named_by(sign: str, issuer_of_opaque: str | None) -> RevokeTokenRequest:
    """The request for the token on standard input, by what it says of itself: a forged one names at most another."""
    if sign != "-":
        raise click.UsageError("a token on the command line is shown to everybody: give `-` and standard input")
    text = sys.stdin.buffer.read(_STDIN_LIMIT).decode("utf-8", "replace").strip()
    if issuer_of_opaque is not None:
        if form_of(text) is not Form.OPAQUE:
            _refuse("--issuer goes with an opaque token, and this says its issuer itself")
        return RevokeTokenRequest(issuer=issuer_of_opaque, jti=name_of_opaque(text))
    try:
        claims = read_unverified(text, _STDIN_LIMIT).claims
    except Unauthenticated as error:
        _refuse(str(error))
    issuer, jti, end = claims.get("iss"), claims.get("jti"), claims.get("exp")
    if not isinstance(issuer, str) or not isinstance(jti, str):
        _refuse("the token has no `iss` or no `jti`, so that it cannot be named\nhelp: revoke its --principal")
    return RevokeTokenRequest(issuer=issuer, jti=jti, expires_at=_end(end))


def _end(end: Json) -> Timestamp | None:
    is_time = isinstance(end, int | float) and not isinstance(end, bool) and 0 <= end <= INT_LIMIT // 1000
    return Timestamp(seconds=int(end) + 1) if is_time and isinstance(end, int | float) else None


def _refuse(why: str) -> NoReturn:
    click.echo(f"error: {why}", err=True)
    sys.exit(FINDINGS)
