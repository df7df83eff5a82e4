"""Asks an issuer what it says of an opaque token (RFC 7662)."""

from base64 import b64encode
from pathlib import Path
from typing import Final
from urllib.parse import quote_plus

from policy_lang.types import Json
from service.authn.fetching import FetchFailed, Web, shown
from service.authn.opaque import NotAnswered
from service.authn.private_files import read_private
from service.authn.strict_json import BadJson, parse_object
from service.errors import ConfigError
from service.issuer_settings import IntrospectionSettings, IssuerSettings

SECRET: Final = "the client's secret"  # noqa: S105  # what an error calls its file


class Introspection:
    """The introspection endpoint of one issuer. It keeps its connection, and belongs to one event loop."""

    def __init__(self, issuer: IssuerSettings, settings: IntrospectionSettings) -> None:
        """ConfigError where the client's secret or the issuer's authorities cannot be read."""
        self._settings = settings
        self._authorization()
        self._web = Web(issuer, settings.timeout_seconds)

    async def ask(self, token: str) -> dict[str, Json]:
        """What the issuer says of the token; NotAnswered where it says nothing that can be used."""
        form = {"token": token, "token_type_hint": "access_token"}
        try:
            fetched = await self._web.post(self._settings.url, form, self._authorization())
            return parse_object(fetched.body)
        except (FetchFailed, ConfigError) as error:
            raise NotAnswered(str(error)) from None
        except BadJson as error:
            raise NotAnswered(f"`{shown(self._settings.url)}`: {error}") from None

    async def close(self) -> None:
        """Ends the connection."""
        await self._web.close()

    def _authorization(self) -> str:
        """By client_secret_basic (RFC 6749 section 2.3.1). The file is read anew, for it may be replaced."""
        secret = secret_in(self._settings.client_secret_file)
        pair = f"{quote_plus(self._settings.client_id)}:{quote_plus(secret)}"
        return f"Basic {b64encode(pair.encode()).decode()}"


def secret_in(path: Path) -> str:
    """The secret in a file that its owner alone may read, without a line break at its end; ConfigError."""
    try:
        secret = read_private(path, SECRET).decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{SECRET} `{path}` is no text") from None
    if not secret:
        raise ConfigError(f"{SECRET} `{path}` is empty")
    return secret
