"""Makes the databases of a service fit for use before its processes open them."""

from service.config import Settings
from service.db.migration import Kind, ensure_current
from service.db.opening import open_database
from service.errors import ConfigError, FactsUnavailable


def prepare_databases(settings: Settings) -> None:
    """Migrates the SQLite databases; ConfigError or SchemaOutdated where one is not fit for use."""
    _prepare(settings.database_url, "facts")
    _prepare(settings.log_database_url, "log")


def _prepare(url: str, kind: Kind) -> None:
    database = open_database(url)
    try:
        ensure_current(database, kind)
    except FactsUnavailable as error:
        raise ConfigError(str(error)) from error
    except OSError as error:
        raise ConfigError(f"the {kind} database {database.name} cannot be made: {error.strerror}") from error
    finally:
        database.close()
