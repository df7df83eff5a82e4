"""`magistrate serve`: runs the service; this process is its supervisor and loads no gRPC."""

from typing import Final

import click

from service.cli.settings import STARTING, settings_options
from service.config import Settings
from service.configuring import SURELY, check_variables
from service.runtime.listening import Place
from service.runtime.socket_path import SocketPath
from service.runtime.supervisor import Addresses, supervise
from service.telemetry import configure_log

DEV_HINT: Final = """\
dev: anybody who reads `{data}` may ask for anybody; for trying only
  magistrate token mint --principal TYPE:ID{data_option} > caller.token
  magistrate check ACTION TYPE:ID --server {address} --token-file caller.token"""


@click.command()
@settings_options(*STARTING)
def command(settings: Settings) -> None:
    """Answer checks until told to stop.

    Every setting may also stand in the configuration file, or in the environment as MAGISTRATE_<NAME>.
    """
    check_variables(SURELY)
    configure_log()
    if settings.checkpoint_key is not None:
        # Here, for it loads what signs; and before any process starts that would need it.
        from service.app.checkpointing import load_checkpoint_key

        load_checkpoint_key(settings)
    if settings.enforcement.is_log_only:
        click.secho(f"warning: {settings.enforcement.warning}", fg="yellow", bold=True, err=True)
    supervise(settings, lambda addresses: _announce(settings, addresses))


def _announce(settings: Settings, addresses: Addresses) -> None:
    click.echo(f"ops on http://{addresses.ops}")
    if "grpc_mtls" in addresses.doors:
        click.echo(f"mutual TLS on {addresses.doors['grpc_mtls']}")
    if "http" in addresses.doors:
        click.echo(f"AuthZEN on {_url_of(settings, addresses.doors['http'])}")
    click.echo(f"serving on {addresses.doors['grpc']}")
    if settings.dev:
        is_default = settings.data == Settings.model_fields["data"].default
        data_option = "" if is_default else f" --data {settings.data}"
        click.echo(DEV_HINT.format(data=settings.data, data_option=data_option, address=addresses.doors["grpc"]))


def _url_of(settings: Settings, place: Place) -> str:
    if isinstance(place, SocketPath):
        return str(place)
    return f"{'http' if settings.tls is None else 'https'}://{place}"
