"""Has the service import and export, in streams of chunks; says when a command is to ask it."""

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final

import click
from click.core import ParameterSource
from magistrate.v1 import entity_pb2 as pb
from magistrate.v1.entity_pb2_grpc import EntityServiceStub

from magistrate_client.errors import MagistrateError
from service.cli.calling import Connection, calling, end
from service.cli.settings import FINDINGS
from service.entities.imported import Asked, Imported, Tally

CHUNK_BYTES: Final = 1 << 18
LONGEST: Final = 540.0
"""Seconds that an import or export may take over the service, unless the user says otherwise."""
_SERVICE: Final = ("token", "token_file", "server", "insecure", "certificate_file")
_HOST: Final = ("config", "policies", "data", "database", "log_database", "replica_id")


def is_for_service() -> bool:
    """Whether to ask the service, as a token or its place says; UsageError if the database is named, too.

    Of the environment a token alone counts, and not against what the command line says.
    """
    source = click.get_current_context().get_parameter_source
    host = [name for name in _HOST if source(name) is ParameterSource.COMMANDLINE]
    service = [name for name in _SERVICE if source(name) is ParameterSource.COMMANDLINE]
    if host and service:
        of_host, of_service = (f"`--{names[0].replace('_', '-')}`" for names in (host, service))
        raise click.UsageError(f"{of_host} is for the database itself, {of_service} is for the service: give one")
    return bool(service) or (not host and source("token") is ParameterSource.ENVIRONMENT)


def imported_by_service(connection: Connection, file: BinaryIO, asked: Asked, tell: Callable[[int], None]) -> Imported:
    """What the service's import came to; an error ends the command, with 1 where the file is at fault."""

    def requests() -> Iterator[pb.ImportRequest]:
        yield pb.ImportRequest(options=pb.ImportOptions(upsert=asked.may_change, dry_run=asked.is_trial))
        while chunk := file.read(CHUNK_BYTES):
            yield pb.ImportRequest(chunk=chunk)
            tell(len(chunk))

    try:
        with calling(connection) as (channel, metadata):
            done = EntityServiceStub(channel).Import(requests(), timeout=connection["timeout"], metadata=metadata)
    except MagistrateError as error:
        end(error, wrong=FINDINGS)
    return Imported(_tally(done.entities), _tally(done.assignments), _tally(done.relations), done.revision)


def exported_by_service(connection: Connection, target: BinaryIO, tell: Callable[[int], None]) -> int:
    """Writes the service's export, warns of what it left out, and says how much that was."""
    summary = None
    try:
        with calling(connection) as (channel, metadata):
            export = EntityServiceStub(channel).Export
            for part in export(pb.ExportRequest(), timeout=connection["timeout"], metadata=metadata):
                target.write(part.chunk)
                tell(len(part.chunk))
                summary = part.summary if part.HasField("summary") else summary
    except MagistrateError as error:
        end(error)
    if summary is None:
        raise click.ClickException("the export ended before it was whole")
    for reason in summary.reasons:
        click.echo(f"warning: left out {reason}", err=True)
    if summary.left_out > len(summary.reasons):
        click.echo(f"warning: and {summary.left_out - len(summary.reasons):,} more", err=True)
    return summary.left_out


def _tally(counts: pb.ImportCounts) -> Tally:
    return Tally(counts.added, counts.changed, counts.unchanged)
