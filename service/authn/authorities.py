"""Makes the TLS by which the servers of an issuer are trusted: by its authorities, else by the system's."""

import ssl

from service.errors import ConfigError
from service.issuer_settings import IssuerSettings


def tls_of(issuer: IssuerSettings) -> ssl.SSLContext:
    """TLS that checks certificate and name; ConfigError if the issuer's authorities cannot be read."""
    try:
        return ssl.create_default_context(cafile=issuer.ca_file)
    except OSError as error:  # of which SSLError is one
        why = (error.strerror or str(error)).lower()
        raise ConfigError(f"the ca_file `{issuer.ca_file}` cannot be read: {why}") from error
