"""The measured rules in oso: Polar rules over registered classes; the address stands with who asks."""

from dataclasses import dataclass
from importlib import import_module
from ipaddress import ip_address, ip_network
from typing import Final

from benchmarks.peers.scenario import NETWORK, Decide, Plain, prepared

_OFFICE: Final = ip_network(NETWORK)
_POLAR: Final = """
allow(user: User, "edit", document: Document) if permitted(user, document) and not denied(user, document);
permitted(user, document) if document.tenant in user.editor_of;
permitted(user, document) if document.owner = user.id and not document.locked;
denied(user, _) if user.suspended;
denied(user, document) if user.tenant != document.tenant;
denied(user, document) if document.region = "eu" and not user.is_in_office();
denied(_, document) if document.locked and document.level > 8;
denied(_, document) if document.level < 0;
"""


@dataclass(frozen=True)
class User:
    """Who asks, and from where."""

    id: str
    tenant: str
    suspended: bool
    editor_of: list[str]
    ip: str

    def is_in_office(self) -> bool:
        """Whether the address is one of the office's."""
        return ip_address(self.ip) in _OFFICE


@dataclass(frozen=True)
class Document:
    """What it is about."""

    tenant: str
    owner: str
    level: int
    region: str
    locked: bool


def decider() -> Decide:
    """Decides by oso."""
    oso = import_module("oso").Oso()
    oso.register_class(User)
    oso.register_class(Document)
    oso.load_str(_POLAR)

    def form(asked: Plain) -> object:
        user = User(asked.user, asked.user_tenant, asked.suspended, list(asked.editor_of), asked.ip)
        return user, Document(asked.tenant, asked.owner, asked.level, asked.region, asked.locked)

    def decide(form: object) -> bool:
        match form:
            case (user, document):
                return bool(oso.is_allowed(user, "edit", document))
            case _:
                raise TypeError("not a form of this peer")

    return prepared(form, decide)
