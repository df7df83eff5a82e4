"""Brings policies to every worker in two steps: each loads them beside those in force, then all change over.

Law: a worker answers by the active policies or not at all. It opens its door when its first policies are activated;
policies that one worker cannot load are activated on none; between the last `Prepared` and the sending of `Activate`
nothing else happens. A worker that starts gets the same bytes as those before it.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from service.runtime.child import Child
from service.runtime.messages import (
    Activate,
    Candidate,
    Compiled,
    Failed,
    GivenUp,
    Leave,
    Message,
    Prepare,
    Prepared,
    Vacant,
)

PREPARE_SECONDS: Final = 120.0
"""How long workers may take to load policies."""


@dataclass(slots=True)
class _Member:
    """What is known of one worker's process."""

    prepared: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    active: str = ""
    given_up: str = ""
    """Why it does not try the candidate out, or not any more."""


class Rollout:
    """The policies of all workers."""

    def __init__(self) -> None:
        self._members: dict[Child, _Member] = {}
        self._active: Compiled | None = None
        self._coming: Compiled | None = None
        self._candidate: Candidate | None = None
        self._is_vacant = False
        self._changed = asyncio.Event()

    @property
    def digest(self) -> str:
        """The digest of the active policies; empty before there are any."""
        return "" if self._active is None else self._active.digest

    @property
    def digests(self) -> dict[Child, str]:
        """Which policies each worker answers by; empty where it does not yet."""
        return {child: member.active for child, member in self._members.items()}

    @property
    def candidate_given_up(self) -> str:
        """Why a worker does not try the candidate out, or not any more; empty where all do."""
        return next((member.given_up for member in self._members.values() if member.given_up), "")

    def joined(self, child: Child) -> None:
        """A worker's process has started."""
        self._members[child] = _Member()
        if self._is_vacant and self._active is None:
            child.tell(Vacant())
        for policies in (self._active, self._coming):
            if policies is not None:
                child.tell(Prepare(policies.digest, policies.body))
        if self._candidate is not None:
            child.tell(self._candidate)

    def heard(self, child: Child, message: Message) -> None:
        """A worker says something."""
        member = self._members.get(child)
        if member is None:
            return
        match message:
            case Prepared(digest):
                member.prepared.add(digest)
                if not member.active and self._active is not None and digest == self._active.digest:
                    self._activate(child, member, digest)
            case Failed(digest, why):
                member.failed[digest] = why
            case GivenUp(digest, why) if self._candidate is not None and digest == self._candidate.digest:
                member.given_up = why
        self._changed.set()

    def try_out(self, candidate: Candidate) -> None:
        """Has every worker try policies out beside those in force, or none any more."""
        self._candidate = candidate
        for child, member in self._members.items():
            member.given_up = ""
            child.tell(candidate)

    def left(self, child: Child) -> None:
        """A worker's process has ended."""
        self._members.pop(child, None)
        self._changed.set()

    def leave(self, child: Child) -> None:
        """Has a worker say that it is not serving, before it is stopped."""
        child.tell(Leave())

    def vacate(self) -> None:
        """Has workers open their doors although there are no policies, so that the first can be pushed."""
        self._is_vacant = True
        for child in self._members:
            child.tell(Vacant())

    async def roll_out(self, policies: Compiled) -> str:
        """Puts policies in force on every worker, or on none; then it says why."""
        why = await self.prepare(policies)
        if not why:
            self.activate(policies)
        return why

    async def prepare(self, policies: Compiled) -> str:
        """Has every worker load the policies; why one cannot, or an empty text."""
        self._coming = policies
        for child, member in self._members.items():
            # What it said of these policies before says nothing of now: it may have let go of them.
            member.prepared.discard(policies.digest)
            member.failed.pop(policies.digest, None)
            child.tell(Prepare(policies.digest, policies.body))
        try:
            async with asyncio.timeout(PREPARE_SECONDS):
                while not (why := self._fault(policies.digest)) and not self._are_prepared(policies.digest):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            why = f"not every worker loaded the policies within {PREPARE_SECONDS:.0f} seconds"
        if why:
            self._coming = None
        return why

    def activate(self, policies: Compiled) -> None:
        """Puts policies in force that every worker has prepared."""
        self._active, self._coming = policies, None
        for child, member in self._members.items():
            self._activate(child, member, policies.digest)

    def change_over(self, digest: str) -> bool:
        """Puts in force what was prepared last; false if that is something else."""
        if self._coming is not None and self._coming.digest == digest:
            self.activate(self._coming)
        return self.digest == digest

    def _activate(self, child: Child, member: _Member, digest: str) -> None:
        child.tell(Activate(digest))
        member.active = digest
        member.prepared.clear()

    def _are_prepared(self, digest: str) -> bool:
        return bool(self._members) and all(digest in member.prepared for member in self._members.values())

    def _fault(self, digest: str) -> str:
        return next((member.failed[digest] for member in self._members.values() if digest in member.failed), "")
