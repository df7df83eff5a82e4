"""`magistrate certificate`: takes client certificates out of force on a running service, and lets them in again."""

from pathlib import Path
from typing import Unpack

import click
from cryptography import x509
from google.protobuf.timestamp_pb2 import Timestamp
from magistrate.v1.credential_pb2 import LiftPrincipalRequest, RevokeCertificateRequest
from magistrate.v1.credential_pb2_grpc import CredentialServiceStub

from service.authn.fingerprints import fingerprint_of
from service.authn.private_files import read_bytes
from service.cli.calling import Connection, call, connection_options
from service.cli.moments import read_moment
from service.cli.output import Output, output_option, print_result
from service.cli.references import read_entity
from service.cli.settings import reported
from service.errors import ConfigError


@click.group()
def command() -> None:
    """Revoke client certificates, and let those of a revoked principal in again."""


@command.command("revoke")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--sha256", metavar="HEX", help="The SHA-256 of the certificate, where its file is not at hand.")
@click.option("--expires-at", metavar="TIME", help="With --sha256, its end: a day later it may be forgotten.")
@output_option
@connection_options
def revoke(
    file: Path | None, sha256: str | None, expires_at: str | None, output: Output, **connection: Unpack[Connection]
) -> None:
    """Refuse a client certificate from now on: that in the PEM FILE, or that of the --sha256.

    Connections that were made by it are refused from their next call on. To refuse every certificate of a principal,
    use `magistrate token revoke --principal`.

    Exit code: 0 revoked, 1 refused, 2 a wrong request, 3 no answer.
    """
    if (file is None) == (sha256 is None):
        raise click.UsageError("give the FILE of the certificate, or its --sha256")
    if file is not None and expires_at is not None:
        raise click.UsageError("--expires-at goes with --sha256: a file says itself when its certificate ends")
    request = RevokeCertificateRequest(sha256=sha256 or "", expires_at=read_moment(expires_at, "--expires-at"))
    if file is not None:
        with reported():
            request = _named_by(file)
    answer = call(connection, lambda channel: CredentialServiceStub(channel).RevokeCertificate, request)
    print_result(
        f"revoked certificate {request.sha256}; revision {answer.revision}",
        {"sha256": request.sha256, "revision": answer.revision},
        output,
    )


@command.command("lift")
@click.argument("principal", metavar="TYPE:ID")
@output_option
@connection_options
def lift(principal: str, output: Output, **connection: Unpack[Connection]) -> None:
    """Let the client certificates of a revoked principal in again; what else was revoked with it stays so.

    Exit code: 0 let in, 1 refused or not revoked, 2 a wrong request, 3 no answer.
    """
    request = LiftPrincipalRequest(principal=read_entity(principal))
    answer = call(connection, lambda channel: CredentialServiceStub(channel).LiftPrincipal, request)
    print_result(
        f"certificates of {principal} may call again; revision {answer.revision}",
        {"principal": principal, "revision": answer.revision},
        output,
    )


def _named_by(file: Path) -> RevokeCertificateRequest:
    """The request for the first certificate in the file."""
    try:
        certificate = x509.load_pem_x509_certificate(read_bytes(file, "the certificate"))
    except ValueError as error:
        raise ConfigError(f"`{file}` holds no certificate in PEM") from error
    end = Timestamp()
    end.FromDatetime(certificate.not_valid_after_utc)
    return RevokeCertificateRequest(sha256=fingerprint_of(certificate), expires_at=end)
