"""What can be asked: whether a principal may do an action on a resource, in a context."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypedDict

from magistrate_client.consistency import AnyConsistency
from magistrate_client.values import EntityRef, Given


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom the question is about, with the attributes that only the caller can know."""

    type: str
    id: str
    attributes: Mapping[str, Given] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Resource:
    """What is acted on, with the attributes that only the caller can know.

    Where the action makes the resource (`new`), its attributes and parents are all given here.
    """

    type: str
    id: str
    attributes: Mapping[str, Given] = field(default_factory=dict, hash=False)
    parents: Sequence[EntityRef | str] = field(default=(), hash=False)


AnyPrincipal = Principal | EntityRef | str
"""A principal, or a reference to one, or that written `User:alice`."""
AnyResource = Resource | EntityRef | str
"""A resource, or a reference to one, or that written `Document:plan`."""


class NotGiven(Enum):
    """Stands where nothing was given. None does not: a lost principal must not turn into "the caller itself"."""

    NOT_GIVEN = "not given"


NOT_GIVEN: Final = NotGiven.NOT_GIVEN
"""The one member."""


class Details(TypedDict, total=False):
    """What may be said beside action and resource; each is a field of `Question`."""

    principal: AnyPrincipal
    principal_token: str
    context: Mapping[str, Given]
    request_id: str
    consistency: AnyConsistency


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    It is about `principal` on the caller's word (needs `check_as`), about whom `principal_token` names (needs
    `check_for`), or about the caller itself when neither is given; giving both is refused.
    """

    action: str
    resource: AnyResource
    principal: AnyPrincipal | NotGiven = NOT_GIVEN
    principal_token: str | NotGiven = field(default=NOT_GIVEN, repr=False)
    context: Mapping[str, Given] = field(default_factory=dict, hash=False)
    request_id: str = ""
    """Echoed and recorded; made by the client when empty, and kept when a try is repeated."""
    consistency: AnyConsistency | NotGiven = NOT_GIVEN
    """How fresh the facts are to be; of a question in a batch, `check_many` says it for all."""
