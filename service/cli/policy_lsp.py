"""`magistrate policy lsp`: the language server, which editors start and talk to over standard input and output."""

import sys
from importlib.util import find_spec

import click

from service.cli.settings import FINDINGS, reported
from service.errors import ConfigError


@click.command()
def lsp() -> None:
    """Serve editors over the Language Server Protocol, on standard input and output.

    An editor starts this; docs/editors.md says how. It needs the extra `lsp`: `pip install 'magistrate[lsp]'`.
    """
    with reported():
        if find_spec("pygls") is None:
            raise ConfigError("the language server needs the extra `lsp`: `pip install 'magistrate[lsp]'`")
    from service.language_server.server import serve

    sys.exit(0 if serve() else FINDINGS)
