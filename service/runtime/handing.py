"""Hands policies from the background process to the workers, through the supervisor, and hears what came of it."""

import queue
from dataclasses import dataclass, field
from typing import Final

from service.policies.watching import Fit
from service.runtime.leash import Leash
from service.runtime.messages import Activate, Broken, Candidate, Compiled, Failed, Message, Offered, Prepared, Vacant

ANSWER_SECONDS: Final = 150.0
"""How long the supervisor may take to answer; longer than the workers may take to load."""


@dataclass(frozen=True, slots=True)
class Handing:
    """The workers as the background process sees them (`policies.following.Workers`)."""

    leash: Leash
    _answers: "queue.SimpleQueue[Prepared | Failed]" = field(default_factory=queue.SimpleQueue)

    def hear(self, message: Message) -> None:
        """Takes an answer of the supervisor's."""
        if isinstance(message, Prepared | Failed):
            self._answers.put(message)

    def vacant(self) -> None:
        """Tells the workers that no policies are in force yet."""
        self.leash.report(Vacant())

    def refuse(self, why: str) -> None:
        """Tells that what is in force cannot be loaded, which ends a start."""
        self.leash.report(Broken(why, is_finding=False))

    def take_up(self, policies: Fit) -> None:
        """Has the workers answer by these policies as soon as they can."""
        self.leash.report(Compiled(policies.digest, policies.image))

    def prepare(self, policies: Fit) -> str:
        """Has the workers load the policies beside those in force; why one cannot, empty if all have."""
        self.leash.report(Offered(policies.digest, policies.image))
        while True:
            try:
                answer = self._answers.get(timeout=ANSWER_SECONDS)
            except queue.Empty:
                return "its supervisor did not answer"
            if answer.digest == policies.digest:
                return answer.why if isinstance(answer, Failed) else ""

    def activate(self, digest: str) -> None:
        """Puts in force what the workers prepared last."""
        self.leash.report(Activate(digest))

    def try_out(self, candidate: Fit | None, why: str = "") -> None:
        """Has the workers try policies out beside those in force; or none, and why, where that is a fault."""
        self.leash.report(
            Candidate("", why, b"") if candidate is None else Candidate(candidate.digest, "", candidate.image)
        )
