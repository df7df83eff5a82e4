"""Builds and opens the HTTP door of a worker."""

import ssl

from service.app.core import Core
from service.asking import Asking
from service.doors.http.application import Behind, build_application
from service.doors.http.listening import listen
from service.doors.http.server import HttpDoor


async def open_http(core: Core, asking: Asking, tls: ssl.SSLContext | None) -> HttpDoor:
    """The door, answering at `settings.http`."""
    settings = core.settings
    behind = Behind(asking, core.policies, core.callers.peers, core.given.samples)
    application = build_application(behind, settings.http_door, settings.limits)
    door = HttpDoor(
        application,
        settings.http_door,
        at_once=application.at_once,
        max_connection_age=settings.max_connection_age,
        is_leaving=core.given.life.leave.is_set,
    )
    await door.open(listen(settings.http), tls)
    return door
