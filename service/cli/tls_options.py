"""The options by which a command speaks TLS: whom it trusts, and the certificate that it calls by."""

from pathlib import Path
from typing import Final, TypedDict

import click
import grpc

from magistrate_client.tls import tls_credentials


class TlsOptions(TypedDict):
    """What the options of `TLS_OPTIONS` give."""

    ca_file: Path | None
    certificate_file: Path | None
    key_file: Path | None


_FILE: Final = click.Path(path_type=Path, dir_okay=False)

TLS_OPTIONS: Final = (
    click.option(
        "--ca-file", type=_FILE, envvar="MAGISTRATE_CA_FILE",
        help="Who vouches for the service, in PEM; then TLS is spoken anywhere [env: MAGISTRATE_CA_FILE].",
    ),
    click.option("--certificate-file", type=_FILE, help="Call by this certificate in PEM, and send no token."),
    click.option("--key-file", type=_FILE, help="Its private key in PEM."),
)  # fmt: skip


def credentials_from(options: TlsOptions, *, insecure: bool) -> grpc.ChannelCredentials | None:
    """TLS as the options say, None where they say nothing; UsageError where they do not go together."""
    files = (options["ca_file"], options["certificate_file"], options["key_file"])
    if not any(files):
        return None
    if insecure:
        raise click.UsageError("--insecure is plain text: leave it, or the files of TLS")
    if (options["certificate_file"] is None) != (options["key_file"] is None):
        raise click.UsageError("give --certificate-file and --key-file together")
    try:
        return tls_credentials(files[0], certificate_file=files[1], key_file=files[2])
    except OSError as error:
        raise click.UsageError(f"`{error.filename}` cannot be read") from error
