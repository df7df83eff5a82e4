"""Has the service compare policies, each a folder, pushed ones or those in force."""

import sys
from collections.abc import Mapping
from pathlib import Path

import click
from magistrate.v1 import policy_pb2 as pb
from magistrate.v1.policy_pb2_grpc import PolicyServiceStub

from policy_lang.reviewing.difference import Difference
from service.cli.calling import Connection, call
from service.cli.policy_sending import ACTIVE, sent
from service.cli.settings import FINDINGS, reported
from service.doors.grpc.difference_codec import read_difference
from service.policies.folder import read_texts


def difference_by_service(old: str, new: str, steps: int, connection: Connection) -> Difference:
    """The difference; findings in the files of a folder, and errors of the service, end the command."""
    request = pb.DiffRequest(steps=steps, without_search=not steps)
    with reported():
        older, newer = _source(old), _source(new)
    if isinstance(older, str):
        request.old_digest = older
    else:
        request.old_files.extend(sent(older))
    if isinstance(newer, str):
        request.new_digest = newer
    else:
        request.new_files.extend(sent(newer))
    answer = call(connection, lambda channel: PolicyServiceStub(channel).Diff, request)
    if answer.diagnostics:
        click.echo("\n\n".join(found.rendered for found in answer.diagnostics), err=True)
        sys.exit(FINDINGS)
    return read_difference(answer)


def _source(name: str) -> str | Mapping[str, str]:
    """The files of a folder where one is called so, else a digest; an empty one for those in force."""
    if Path(name).is_dir():
        return read_texts(Path(name))
    return "" if name == ACTIVE else name
