"""Turns an error into a deny, and says so in the log of the program that asked."""

import logging
from typing import Final

from magistrate_client.errors import MagistrateError
from magistrate_client.question import AnyResource, Resource

_log: Final = logging.getLogger("magistrate_client")


def denied_by(error: MagistrateError, action: str, resource: AnyResource) -> bool:
    """False, whatever the error; logged as a warning with what was asked, never with a token or an attribute."""
    name = f"{resource.type}:{resource.id}" if isinstance(resource, Resource) else resource
    _log.warning("no answer to `%s` on `%s`, taken as a deny: %s [request %s]", action, name, error, error.request_id)
    return False
