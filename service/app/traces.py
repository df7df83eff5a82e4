"""Opens what traces calls where the settings want that; only then is OpenTelemetry loaded, which takes long."""

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from service.config import Settings
from service.errors import ConfigError
from service.tracing_settings import TracingSettings

if TYPE_CHECKING:
    from service.app.tracing import Tracing


def open_traces(settings: Settings, opened: AsyncExitStack) -> "Tracing | None":
    """What traces calls, which `opened` closes; None where none are traced, ConfigError where that cannot be."""
    if not settings.tracing.endpoint:
        return None
    traces = load_tracing(settings.tracing)(settings)
    opened.push_async_callback(traces.close)
    return traces


def load_tracing(settings: TracingSettings) -> "type[Tracing]":
    """What traces calls; ConfigError where it is not installed, or cannot know its collector."""
    try:
        from service.app.tracing import Tracing
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"calls cannot be traced: `{error.name}` is not installed\nhelp: pip install 'magistrate[tracing]'"
        ) from error
    if settings.ca_file is not None and not settings.ca_file.is_file():
        raise ConfigError(f"calls cannot be traced: `tracing.ca_file` is `{settings.ca_file}`, where no file is")
    return Tracing
