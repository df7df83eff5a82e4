"""P1 and P2: the in-process decision with all reasons, 7 rules in play, and 10 to 10,000 rules loaded.

    python -m benchmarks.decision [--quick]

Facts are at hand; what is measured is the compiled rules alone. P1 stands beside the naive interpreter, and in
`make bench-policy` beside the engines that Python can call; P2 beside the same decision with 10 rules loaded.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.world import POLICY, Asked, World
from policy_lang import loading
from policy_lang.compiler import Compiled
from policy_lang.facts import Assignment, Facts, Question
from policy_lang.fixture_source import FixtureSource
from policy_lang.forms import read_given
from policy_lang.gather import gather
from policy_lang.interpreter import Interpreter
from policy_lang.schema import Schema
from policy_lang.typed import EntityFixture, Program
from policy_lang.values import Ip, Ref

ACTION: Final = "edit"
NOW: Final = 1_767_600_000_000
IN_PLAY: Final = 7
LOADED: Final = (10, 1_000, 10_000)
INTERPRETER: Final = "naive interpreter"
BURST: Final = 50
PEER_TARGET: Final = 10.0
FLAT_TARGET: Final = 1.3

MEASURED: Final = (
    POLICY + 'rule draft: deny edit on Document when resource.level < 0 reason "drafts are made elsewhere"\n'
)
"""The seventh rule for `edit` changes no answer."""
FILLER: Final = """\
module docs
type T{number} {{ level: int, region: string }}
actions T{number} {{ use{number} }}
rule allow{number}: allow any on T{number} to User when principal.clearance > resource.level
rule deny{number}:  deny any on T{number} when resource.region == "eu"
"""
"""Two rules more, on a type of their own."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured: the world, the questions asked in turn, and the rounds."""

    world: World
    questions: int
    rounds: int
    loaded: tuple[int, ...]


FULL: Final = Scale(World(users=1_000, documents=10_000), 10_000, 5, LOADED)
QUICK: Final = Scale(World(users=100, documents=200), 200, 1, LOADED[:2])

Decide = Callable[[Facts], object]


def main(arguments: Sequence[str]) -> None:
    """Measures and prints."""
    scale = QUICK if "--quick" in arguments else FULL
    programs = {count: load(count) for count in scale.loaded}
    compiled = {count: Compiled(program) for count, program in programs.items()}
    deciders: dict[str, Decide] = {_loaded(count): each.decide for count, each in compiled.items()}
    deciders[INTERPRETER] = Interpreter(programs[scale.loaded[0]]).decide
    asked = questions_of(scale)
    print(f"P1, P2  in-process decision: {scale.world.users:,} principals × {scale.world.documents:,} resources,")
    print(f"        {len(asked):,} questions in turn, {IN_PLAY} rules in play, every answer checked")
    facts = facts_of(scale.world, asked, compiled[scale.loaded[0]])
    report(measure(deciders, facts, asked, scale.rounds), scale.loaded)


def load(count: int) -> Program:
    """The measured bundle with so many rules in it."""
    program = loading.load(texts_of(count)).program
    in_play = len(program.in_play["Document", ACTION])
    if in_play != IN_PLAY:
        raise SystemExit(f"{in_play} rules are in play, not {IN_PLAY}")
    return program


def texts_of(count: int) -> dict[str, str]:
    """The policy files of the measured bundle with so many rules in it."""
    own = MEASURED.count("\nrule ")
    fillers = (count - own) // FILLER.count("\nrule ")
    texts = {f"filler{number}.policy": FILLER.format(number=number) for number in range(fillers)}
    return {"measured.policy": MEASURED, **texts}


def questions_of(scale: Scale) -> list[Asked]:
    """The questions, of one action, so that as many rules are in play for each."""
    drawn = scale.world.questions(scale.questions * 4)
    return [asked for asked in drawn if asked.action == ACTION][: scale.questions]


def facts_of(world: World, asked: Sequence[Asked], compiled: Compiled) -> list[Facts]:
    """The facts of each question."""
    questions = [_question(each) for each in asked]
    return gather(questions, compiled, _source(world, compiled.schema))


def measure(
    deciders: dict[str, Decide], facts: Sequence[Facts], asked: Sequence[Asked], rounds: int
) -> dict[str, float]:
    """Nanoseconds a decision of each: of every few facts the best round, so that other work on the machine counts less.

    They take turns at the same few facts, each after a check of its answers: in a service too, facts have just been
    touched when they are decided on.
    """
    totals = dict.fromkeys(deciders, 0)
    for start in range(0, len(facts), BURST):
        burst = facts[start : start + BURST]
        times: dict[str, list[int]] = {name: [] for name in deciders}
        for _ in range(rounds):
            for name, decide in deciders.items():
                check(decide, burst, asked[start : start + BURST])
                times[name].append(_time(decide, burst))
        for name, took in times.items():
            totals[name] += min(took)
    return {name: total / len(facts) for name, total in totals.items()}


def check(decide: Decide, facts: Sequence[Facts], asked: Sequence[Asked]) -> None:
    """Exits if an answer is not the one that the world reckons."""
    for each, question in zip(facts, asked, strict=True):
        if bool(decide(each)) is not question.is_allowed:
            raise SystemExit(f"wrong answer to {question}: {decide(each)}")


def report(took: dict[str, float], loaded: Sequence[int]) -> None:
    """Prints both sides of each ratio."""
    for name, nanoseconds in took.items():
        print(f"    {name:24} {nanoseconds / 1000:8.2f} µs")
    first = took[_loaded(loaded[0])]
    worst = max(took[_loaded(count)] for count in loaded) / first
    print(f"  P1 {took[INTERPRETER] / first:8.1f} × the naive interpreter")
    print(f"  P2 {worst:8.2f} × with the most rules loaded{_verdict(worst <= FLAT_TARGET)} (target {FLAT_TARGET})")


def _time(decide: Decide, facts: Sequence[Facts]) -> int:
    started = time.perf_counter_ns()
    for each in facts:
        decide(each)
    return time.perf_counter_ns() - started


def _verdict(is_met: bool) -> str:
    return ": met" if is_met else ": missed"


def _loaded(count: int) -> str:
    return f"{count:,} rules loaded"


def _question(asked: Asked) -> Question:
    return Question(
        principal=Ref("User", f"u{asked.user}"),
        action=asked.action,
        resource=Ref("Document", f"d{asked.document}"),
        now=NOW,
        principal_cells={},
        resource_cells={},
        resource_parents=(),
        context={"now": NOW, "ip": Ip.parse(asked.ip)},
    )


def _source(world: World, schema: Schema) -> FixtureSource:
    """The facts of the world in memory."""
    entities, assignments = [], []
    for fact in map(json.loads, world.facts()):
        if fact["kind"] == "assignment":
            subject, place = (Ref(fact[end]["type"], fact[end]["id"]) for end in ("principal", "scope"))
            assignments.append(Assignment(subject, fact["role"], place, fact["expires_at"]))
        else:
            declared = schema.types[fact["type"]].attributes
            cells = {name: read_given(declared[name].type, given) for name, given in fact["attributes"].items()}
            entities.append(EntityFixture(Ref(fact["type"], fact["id"]), cells))
    return FixtureSource(entities, assignments)


if __name__ == "__main__":
    main(sys.argv[1:])
