"""The world that the service is measured in: policies, facts of many principals and resources, and questions."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

POLICY: Final = """\
module docs

tenant type Tenant {}
principal type User { tenant: Tenant, clearance: int, suspended: bool }
type Document { tenant: Tenant, owner: User, level: int, region: string, locked: bool }

context { ip: ip }

actions Document { read, edit, share }

role viewer on Tenant { Document: read }
role editor on Tenant includes viewer { Document: edit }

relation owner on Document = resource.owner == principal

let same_tenant = principal.tenant == resource.tenant

rule by_role:    allow granted on Document to role in resource.tenant
                 reason "a role in the tenant grants the action"
rule owner_all:  allow read, edit, share on Document to owner when not resource.locked
rule cleared:    allow read on Document to User when same_tenant and principal.clearance >= resource.level
rule suspended:  deny any on Document to User when principal.suspended
                 reason "the account is suspended" code ACCOUNT_SUSPENDED
rule isolation:  deny any on Document unless same_tenant
                 reason "it belongs to another tenant" hide
rule office:     deny read, edit, share on Document when resource.region == "eu" unless context.ip in [10.0.0.0/8]
                 reason "documents stored in the EU are opened in the office"
rule frozen:     deny edit on Document when resource.locked and resource.level > 8
"""
"""Seven rules are in play for `edit`: as many as the target speaks of."""

TENANTS: Final = 10
ACTIONS: Final = ("read", "edit", "share")
ADDRESSES: Final = ("10.1.2.3", "192.0.2.1", "10.250.0.9", "198.51.100.7")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of the load: who asks what, and the answer that is right by this module's own reckoning."""

    user: int
    action: str
    document: int
    ip: str
    is_allowed: bool


@dataclass(frozen=True, slots=True)
class World:
    """So many users and documents, their attributes drawn from a fixed seed."""

    users: int
    documents: int

    def facts(self) -> Iterator[str]:
        """The lines of `magistrate data import`."""
        for tenant in range(TENANTS):
            yield _line(kind="resource", type="Tenant", id=f"t{tenant}", attributes={}, parents=[])
        for user in range(self.users):
            yield _line(kind="principal", type="User", id=f"u{user}", attributes=self.user(user))
        for document in range(self.documents):
            attributes = self.document(document)
            yield _line(kind="resource", type="Document", id=f"d{document}", parents=[], attributes=attributes)
        for user in range(self.users):
            if role := role_of(user):
                yield _line(
                    kind="assignment", principal={"type": "User", "id": f"u{user}"}, role=f"docs.{role}",
                    scope={"type": "Tenant", "id": f"t{_tenant(user)}"}, expires_at=None,
                )  # fmt: skip

    def user(self, number: int) -> dict[str, object]:
        """The attributes of a user."""
        return {"tenant": f"t{_tenant(number)}", "clearance": number % 10, "suspended": _is_suspended(number)}

    def document(self, number: int) -> dict[str, object]:
        """The attributes of a document."""
        return {
            "tenant": f"t{_tenant(number)}",
            "owner": f"u{self._owner(number)}",
            "level": _level(number),
            "region": _region(number),
            "locked": _is_locked(number),
        }

    def questions(self, count: int) -> list[Asked]:
        """So many questions, the same each time; most stay within a tenant."""
        draw = random.Random(20260101)
        return [self._question(draw) for _ in range(count)]

    def question(self, user: int, action: str, document: int, ip: str) -> Asked:
        """That question."""
        return Asked(user, action, document, ip, self._is_allowed(user, action, document, ip))

    def groups(self, count: int, size: int) -> list[list[Asked]]:
        """So many groups of so many questions, each group of one user at one address, the same each time."""
        draw = random.Random(20260102)
        return [self._group(draw, size) for _ in range(count)]

    def _group(self, draw: random.Random, size: int) -> list[Asked]:
        user, ip = draw.randrange(self.users), draw.choice(ADDRESSES)
        return [self._asked(draw, user, ip) for _ in range(size)]

    def _asked(self, draw: random.Random, user: int, ip: str) -> Asked:
        document = draw.randrange(self.documents)
        if draw.random() < 0.9:
            document += _tenant(user) - _tenant(document)
        return self.question(user, draw.choice(ACTIONS), document, ip)

    def _question(self, draw: random.Random) -> Asked:
        user, document = draw.randrange(self.users), draw.randrange(self.documents)
        if draw.random() < 0.9:
            document += _tenant(user) - _tenant(document)
        if draw.random() < 0.2:
            user = self._owner(document)
        return self.question(user, draw.choice(ACTIONS), document, draw.choice(ADDRESSES))

    def _is_allowed(self, user: int, action: str, document: int, ip: str) -> bool:
        is_denied = (
            _is_suspended(user)
            or _tenant(user) != _tenant(document)
            or (_region(document) == "eu" and not ip.startswith("10."))
            or (action == "edit" and _is_locked(document) and _level(document) > 8)
        )
        role = role_of(user)
        return not is_denied and (
            (role == "editor" and action in ("read", "edit"))
            or (role == "viewer" and action == "read")
            or (user == self._owner(document) and not _is_locked(document))
            or (action == "read" and user % 10 >= _level(document))
        )

    def _owner(self, document: int) -> int:
        """Somebody of the same tenant."""
        return (document * 7 // TENANTS * TENANTS + _tenant(document)) % self.users


def _tenant(number: int) -> int:
    return number % TENANTS


def _level(document: int) -> int:
    return document // TENANTS % 10


def _is_suspended(user: int) -> bool:
    return user % 50 == 49


def _is_locked(document: int) -> bool:
    return document % 13 == 0


def _region(document: int) -> str:
    return "eu" if document % 3 == 0 else "us"


def role_of(user: int) -> str | None:
    """The role that a user holds at the own tenant."""
    return ("editor", "viewer", None)[user // TENANTS % 3]


def _line(**fields: object) -> str:
    return json.dumps(fields)
