"""`magistrate key`: makes, lists, rotates and revokes the API keys of a running service.

A key's text is printed once, alone, on standard output; what is said about it goes to standard error.
"""

from typing import Final, Unpack

import click
import orjson
from magistrate.v1 import credential_pb2 as pb
from magistrate.v1.credential_pb2_grpc import CredentialServiceStub
from magistrate.v1.types_pb2 import EntityRef

from policy_lang.types import Json
from service.cli.calling import Connection, call, call_pages, connection_options
from service.cli.moments import read_length, read_moment, write_moment
from service.cli.output import Output, output_option, print_result, print_rows
from service.cli.references import read_entity

PAGE: Final = 1000


class Wanted(Connection):
    """What the options of `create` give."""

    name: str
    principal: str | None
    owner: str | None
    rpcs: tuple[str, ...]
    actions: tuple[str, ...]
    types: tuple[str, ...]
    per_minute: int | None
    burst: int | None
    expires_at: str | None


@click.group()
def command() -> None:
    """Make, list, rotate and revoke API keys, for machines and for people.

    Who makes, rotates and lists keys needs `key.manage`; who revokes them, `revoke`.
    """


@command.command("create")
@click.argument("name")
@click.option("--principal", metavar="TYPE:ID", help="Whom it names; else a magistrate.Service of the key's id.")
@click.option("--owner", metavar="TYPE:ID", help="Who answers for it; else you.")
@click.option(
    "--rpc", "rpcs", metavar="SERVICE.RPC", multiple=True, help="Good for this RPC, or SERVICE.*; else checks."
)
@click.option("--action", "actions", multiple=True, help="Good for checks of this action; else of all.")
@click.option("--type", "types", multiple=True, help="Good for checks of resources of this type; else of all.")
@click.option("--per-minute", type=click.IntRange(min=1), help="How many checks a minute; else as many as it likes.")
@click.option("--burst", type=click.IntRange(min=1), help="How many at once after a pause; else --per-minute.")
@click.option("--expires-at", metavar="TIME", help="When it ends, such as 2027-01-01T00:00:00Z; else never.")
@output_option
@connection_options
def create(output: Output, **given: Unpack[Wanted]) -> None:
    """Make a key called NAME and print it, once."""
    per_minute, burst = given["per_minute"], given["burst"]
    if burst is not None and per_minute is None:
        raise click.UsageError("--burst goes with --per-minute")
    request = pb.CreateApiKeyRequest(
        name=given["name"],
        principal=_ref(given["principal"]),
        owner=_ref(given["owner"]),
        scopes=pb.KeyScopes(rpcs=given["rpcs"], actions=given["actions"], types=given["types"]),
        rate=pb.KeyRate(per_minute=per_minute, burst=burst or 0) if per_minute is not None else None,
        expires_at=read_moment(given["expires_at"], "--expires-at"),
    )
    answer = call(given, lambda channel: CredentialServiceStub(channel).CreateApiKey, request)
    named = f"{answer.key.principal.type}:{answer.key.principal.id}"
    _print_secret(answer, f"made key {answer.key.id}, which names {named}; revision {answer.revision}", output)


@command.command("rotate")
@click.argument("key_id", metavar="ID")
@click.option(
    "--overlap", metavar="DURATION", default="0s", help="How long the present secret stays good, such as 24h."
)
@output_option
@connection_options
def rotate(key_id: str, overlap: str, output: Output, **connection: Unpack[Connection]) -> None:
    """Give key ID a new secret and print it, once."""
    request = pb.RotateApiKeyRequest(id=key_id, overlap=read_length(overlap, "--overlap"))
    answer = call(connection, lambda channel: CredentialServiceStub(channel).RotateApiKey, request)
    until = write_moment(answer.key.former_until)
    _print_secret(answer, f"rotated key {key_id}; the former secret ends {until}; revision {answer.revision}", output)


@command.command("revoke")
@click.argument("key_id", metavar="ID")
@output_option
@connection_options
def revoke(key_id: str, output: Output, **connection: Unpack[Connection]) -> None:
    """Refuse key ID from now on."""
    request = pb.RevokeApiKeyRequest(id=key_id)
    answer = call(connection, lambda channel: CredentialServiceStub(channel).RevokeApiKey, request)
    said = f"revoked key {key_id}; revision {answer.revision}"
    print_result(said, {"id": key_id, "revision": answer.revision}, output)


@command.command("list")
@output_option
@connection_options
def list_(output: Output, **connection: Unpack[Connection]) -> None:
    """List the keys, without their secrets, which nobody knows."""
    request = pb.ListApiKeysRequest(page_size=PAGE)
    pages = call_pages(connection, lambda channel: CredentialServiceStub(channel).ListApiKeys, request)
    print_rows([_row(key) for page in pages for key in page.keys], output)


def _ref(text: str | None) -> EntityRef | None:
    return None if text is None else read_entity(text)


def _print_secret(answer: pb.CreateApiKeyResponse | pb.RotateApiKeyResponse, said: str, output: Output) -> None:
    if output == "table":
        click.echo(said, err=True)
        click.echo(answer.secret)
    else:
        row = {**_row(answer.key), "secret": answer.secret, "revision": answer.revision}
        click.echo(orjson.dumps(row).decode())


def _row(key: pb.ApiKey) -> dict[str, Json]:
    scopes = [*key.scopes.rpcs, *key.scopes.actions, *key.scopes.types]
    return {
        "id": key.id,
        "name": key.name,
        "principal": f"{key.principal.type}:{key.principal.id}",
        "owner": f"{key.owner.type}:{key.owner.id}",
        "scopes": " ".join(scopes),
        "per_minute": key.rate.per_minute if key.HasField("rate") else None,
        "created": write_moment(key.created_at),
        "expires": write_moment(key.expires_at),
        "last_used": write_moment(key.last_used_at),
        "revoked": write_moment(key.revoked_at),
    }
