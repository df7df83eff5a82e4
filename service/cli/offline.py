"""Explains a decision that was made here, as the service would: through the same messages, so that one form shows both.

What the service leaves out, sensitive values among it, is left out here too.
"""

from magistrate_client.answers import read_explanation
from magistrate_client.explanation import Explanation
from policy_lang.bundle import Bundle
from policy_lang.compiler import Compiled
from policy_lang.explanation import explain
from policy_lang.facts import Facts
from policy_lang.interpreter import Interpreter
from service.doors.grpc.codec import write_check
from service.doors.grpc.explanation import write_explanation
from service.model import Answer, Answers


class Explainer:
    """Decides and explains by one bundle; nothing is recorded, so that a decision has no id and no revision."""

    def __init__(self, bundle: Bundle) -> None:
        self.compiled = Compiled(bundle.program)
        self._interpreter = Interpreter(bundle.program)
        self._digest = bundle.digest

    def explain(self, facts: Facts) -> Explanation:
        """The decision on these facts, every rule in play, and what would flip it."""
        answer = Answer(request_id="", decision_id="", decision=self.compiled.decide(facts))
        answers = Answers((answer,), self._digest, revision="", decided_at=facts.question.now)
        explanation = explain(facts, self._interpreter, self.compiled)
        return read_explanation(write_explanation(write_check(answer, answers), explanation), "")
