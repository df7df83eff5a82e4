"""Shows what policies would change, before anything is pushed: of those in force, and of what was decided."""

from collections.abc import Mapping

import click
import grpc
from magistrate.v1 import decision_log_pb2, policy_pb2
from magistrate.v1.decision_log_pb2_grpc import DecisionLogServiceStub
from magistrate.v1.policy_pb2_grpc import PolicyServiceStub

from magistrate_client.errors import MagistrateError, PermissionDenied
from policy_lang.bundle import Bundle
from policy_lang.loading import load
from policy_lang.reviewing.difference import difference_of
from policy_lang.reviewing.replayed import Replayed
from service.cli.calling import Connection, answer_of, end
from service.cli.output import Output
from service.cli.policy_diff_report import diff_json, diff_lines
from service.cli.policy_sending import sent
from service.doors.grpc.replay_codec import read_replayed

STEPS = 20_000
"""Steps of the search for requests that are decided differently, for each kind of question."""


def show_preview(texts: Mapping[str, str], connection: Connection, output: Output) -> None:
    """Prints the difference from the policies in force; PolicyError where these may not be used."""
    new = load(texts)
    old = _in_force(connection)
    if old is None:
        click.echo("no policies are in force")
        return
    found, replayed = difference_of(old.program, new.program, STEPS), _replayed(texts, connection)
    click.echo("\n".join(diff_lines(found, replayed)) if output == "table" else diff_json(found, replayed))


def _in_force(connection: Connection) -> Bundle | None:
    try:
        answer = answer_of(connection, lambda channel: PolicyServiceStub(channel).Get, policy_pb2.GetRequest())
    except MagistrateError as error:
        if error.status is grpc.StatusCode.NOT_FOUND:
            return None
        end(error)
    return load({file.path: file.text for file in answer.files})


def _replayed(texts: Mapping[str, str], connection: Connection) -> Replayed | None:
    """What becomes of the record, where this caller may read it."""
    request = decision_log_pb2.ReplayRequest(files=sent(texts))
    try:
        answer = answer_of(connection, lambda channel: DecisionLogServiceStub(channel).Replay, request)
    except PermissionDenied as error:
        click.echo(f"warning: the record is not decided again: {error}", err=True)
        return None
    except MagistrateError as error:
        end(error)
    return read_replayed(answer)
