"""Says whom a client certificate names: by its one URI name, else by a DNS name that is mapped, and by nothing else.

Laws (runtime.md): the common name never counts. A certificate that has a URI name is judged by that alone, and one that
could name two is refused.
"""

from cryptography import x509

from policy_lang.forms import check_id
from policy_lang.notation import BadValue
from policy_lang.values import Ref
from service.authn.api_keys.api_key import SERVICE_TYPE
from service.certificate_settings import CertificateSettings, trust_domain_of
from service.errors import Flaw, Unauthenticated


def named_by_certificate(certificate: x509.Certificate, settings: CertificateSettings) -> Ref:
    """Whom it names; Unauthenticated where that is nobody, or not one alone."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        raise Unauthenticated(
            "the certificate has no alternative name, and its common name counts for nothing"
        ) from None
    uris = extension.value.get_values_for_type(x509.UniformResourceIdentifier)
    if uris:
        return _named_by_uris(uris, settings)
    return _named_by_hosts(extension.value.get_values_for_type(x509.DNSName), settings)


def _named_by_uris(uris: list[str], settings: CertificateSettings) -> Ref:
    if len(uris) > 1:
        raise Unauthenticated("the certificate has several URI names")
    (uri,) = uris
    domain = trust_domain_of(uri)
    if domain is None:
        raise Unauthenticated("the certificate's URI name is not a domain and a path")
    if domain not in settings.trust_domains:
        raise Unauthenticated("the trust domain of the certificate's URI name is not listed", Flaw.UNTRUSTED)
    mapped = settings.principals.get(uri)
    return _ref(mapped) if mapped is not None else Ref(SERVICE_TYPE, _id(uri))


def _named_by_hosts(hosts: list[str], settings: CertificateSettings) -> Ref:
    mapped = {settings.principals[host.lower()] for host in hosts if host.lower() in settings.principals}
    if not mapped:
        raise Unauthenticated("the certificate has no URI name, and none of its DNS names is mapped", Flaw.UNTRUSTED)
    if len(mapped) > 1:
        raise Unauthenticated("the certificate's DNS names are mapped to several principals")
    return _ref(mapped.pop())


def _ref(text: str) -> Ref:
    type_, _, id_ = text.partition(":")
    return Ref(type_, _id(id_))


def _id(text: str) -> str:
    try:
        return check_id(text)
    except BadValue as error:
        raise Unauthenticated(f"the certificate's name makes no id: {error}") from None
