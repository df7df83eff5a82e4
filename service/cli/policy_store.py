"""`magistrate policy push` and its like: a running service's own policies, pushed, put in force, taken back, read."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Unpack

import click
from magistrate.v1 import policy_pb2 as pb
from magistrate.v1.policy_pb2_grpc import PolicyServiceStub

from policy_lang.notation import format_timestamp
from policy_lang.types import Json
from service.cli.calling import Connection, call, long_connection_options
from service.cli.output import Output, output_option, print_result, print_rows
from service.cli.policy_sending import sent
from service.cli.settings import FINDINGS, reported
from service.errors import ConfigError, why
from service.policies.folder import read_texts

PAGE: Final = 1000
SHORT: Final = 12
"""Digits of a digest that tell it from every other in practice."""
SECONDS: Final = 60.0
_STATES: Final = {
    pb.ACTIVATION_STATE_PREPARING: "preparing",
    pb.ACTIVATION_STATE_ACTIVE: "activated",
    pb.ACTIVATION_STATE_FAILED: "failed",
}
_FOLDER: Final = click.Path(path_type=Path, file_okay=False)
_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_limit = click.option("--limit", type=click.IntRange(1, PAGE), default=20, show_default=True, help="How many.")


@click.command()
@click.argument("folder", type=_FOLDER, default=Path("policies"))
@click.option("--activate", "then_activate", is_flag=True, help="Put them in force at once.")
@click.option("--preview", "is_preview", is_flag=True, help="Push nothing: show what they would change.")
@click.option("--message", "-m", default="", help="What to say about them, such as the commit they are of.")
@click.option("--sign-key", type=_FILE, help="Sign them with the Ed25519 private key in this PEM file.")
@output_option
@long_connection_options(SECONDS)
def push(
    folder: Path,
    *,
    then_activate: bool,
    is_preview: bool,
    message: str,
    sign_key: Path | None,
    output: Output,
    **connection: Unpack[Connection],
) -> None:
    """Have a service check the policy files in FOLDER and keep them. Exit code 1 if they may not be used.

    The signature is made here; the key goes nowhere. `--preview` compares them with the policies in force, as `policy
    diff` does, and has the newest records of the service decided again by them.
    """
    with reported():
        texts = read_texts(folder)
        if is_preview:
            # Here, as what signs is: they load the policy language, which who pushes has no need of.
            from service.cli.policy_preview import show_preview

            show_preview(texts, connection, output)
            return
        signature = b"" if sign_key is None else _signature(texts, sign_key)
    request = pb.PushRequest(files=sent(texts), message=message, signature=signature)
    answer = call(connection, lambda channel: PolicyServiceStub(channel).Push, request)
    if answer.diagnostics:
        click.echo("\n\n".join(found.rendered for found in answer.diagnostics), err=True)
    if not answer.digest:
        sys.exit(FINDINGS)
    if then_activate:
        _activate(answer.digest, output, connection)
        return
    said = "pushed" if answer.created else "already there:"
    print_result(f"{said} {answer.digest}", {"digest": answer.digest, "created": answer.created}, output)


@click.command()
@click.argument("digest")
@output_option
@long_connection_options(SECONDS)
def activate(digest: str, output: Output, **connection: Unpack[Connection]) -> None:
    """Put pushed policies in force on every replica. DIGEST may be the beginning of one."""
    _activate(digest, output, connection)


@click.command()
@output_option
@long_connection_options(SECONDS)
def rollback(output: Output, **connection: Unpack[Connection]) -> None:
    """Put in force again what was in force before what is."""
    answer = call(connection, lambda channel: PolicyServiceStub(channel).Rollback, pb.RollbackRequest())
    _print_activated(answer.activation, output)


@click.command()
@_limit
@output_option
@long_connection_options(SECONDS)
def history(limit: int, output: Output, **connection: Unpack[Connection]) -> None:
    """List the activations, the newest first; those that failed too, with the reason."""
    request = pb.ListActivationsRequest(page_size=limit)
    answer = call(connection, lambda channel: PolicyServiceStub(channel).ListActivations, request)
    print_rows([_activation_row(each, output) for each in answer.activations], output)


@click.command("list")
@_limit
@output_option
@long_connection_options(SECONDS)
def list_(limit: int, output: Output, **connection: Unpack[Connection]) -> None:
    """List the policies that were pushed, the newest first."""
    request = pb.ListRequest(page_size=limit)
    answer = call(connection, lambda channel: PolicyServiceStub(channel).List, request)
    print_rows([_bundle_row(each, output) for each in answer.bundles], output)


@click.command()
@click.argument("digest", default="")
@click.option("--into", type=_FOLDER, help="Write the files into this folder, which must not be there.")
@long_connection_options(SECONDS)
def get(digest: str, into: Path | None, **connection: Unpack[Connection]) -> None:
    """Show the texts of pushed policies; without DIGEST those in force."""
    answer = call(connection, lambda channel: PolicyServiceStub(channel).Get, pb.GetRequest(digest=digest))
    if into is not None:
        with reported():
            _write(answer.files, into)
        click.echo(f"wrote {answer.bundle.digest} into {into}")
        return
    for file in answer.files:
        click.echo(f"# {file.path}\n{file.text}")


@click.command()
@click.argument("digest", default="")
@click.option("--off", is_flag=True, help="Try none out any more.")
@output_option
@long_connection_options(SECONDS)
def shadow(digest: str, *, off: bool, output: Output, **connection: Unpack[Connection]) -> None:
    """Have pushed policies tried out on every replica beside those in force, which alone answer; or say which are.

    What they would decide otherwise: `magistrate log flips`. DIGEST may be the beginning of one.
    """
    if digest and off:
        raise click.UsageError("--off goes with no DIGEST")
    request = pb.ShadowRequest(digest=digest, off=off)
    tried = call(connection, lambda channel: PolicyServiceStub(channel).Shadow, request).digest
    print_result(f"trying out {tried}" if tried else "no policies are tried out", {"digest": tried or None}, output)


def _signature(texts: dict[str, str], key_file: Path) -> bytes:
    from policy_lang.loading import load
    from service.authn.private_files import read_private
    from service.policies.signing import sign

    return sign(load(texts).digest, str(key_file), read_private(key_file, "the signing key"))


def _activate(digest: str, output: Output, connection: Connection) -> None:
    request = pb.ActivateRequest(digest=digest)
    answer = call(connection, lambda channel: PolicyServiceStub(channel).Activate, request)
    _print_activated(answer.activation, output)


def _print_activated(activation: pb.Activation, output: Output) -> None:
    print_result(
        f"activated {activation.digest}; revision {activation.revision}",
        {"digest": activation.digest, "number": activation.number, "revision": activation.revision},
        output,
    )


def _bundle_row(bundle: pb.Bundle, output: Output) -> dict[str, Json]:
    return {
        "digest": _digest(bundle.digest, output),
        "pushed_at": format_timestamp(bundle.pushed_at.ToMilliseconds()),
        "pushed_by": bundle.pushed_by,
        "signed": bundle.signed,
        "active": bundle.active,
        "message": bundle.message,
    }


def _activation_row(activation: pb.Activation, output: Output) -> dict[str, Json]:
    return {
        "number": activation.number,
        "digest": _digest(activation.digest, output),
        "state": _STATES.get(activation.state, ""),
        "asked_at": format_timestamp(activation.asked_at.ToMilliseconds()),
        "asked_by": activation.asked_by,
        "why": activation.why,
    }


def _digest(digest: str, output: Output) -> str:
    return digest[:SHORT] if output == "table" else digest


def _write(files: Iterable[pb.PolicyFile], into: Path) -> None:
    """Writes the files of a new folder; one that would land outside of it is the service's fault and refused."""
    if into.exists():
        raise ConfigError(f"`{into}` is there already")
    for file in files:
        path = into / file.path
        if not path.resolve().is_relative_to(into.resolve()):
            raise ConfigError(f"the path `{file.path}` leads out of the folder")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8", newline="")
        except OSError as error:
            raise ConfigError(f"`{path}` cannot be written: {why(error)}") from error
