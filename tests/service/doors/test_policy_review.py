"""Test and Diff of PolicyService: what comes of tests and of a comparison, by whom it may be asked, where it ends."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from click.testing import CliRunner, Result
from magistrate.v1 import policy_pb2 as pb
from magistrate.v1.authorization_pb2 import EFFECT_ALLOW, EFFECT_DENY, TRUTH_TRUE

from policy_lang.decision import Effect
from policy_lang.loading import load
from policy_lang.values import Ref
from service.app.reviewing import Reviews
from service.cli import main
from service.doors.grpc.suite_codec import fitted
from service.errands import Abandoned
from service.errors import LimitExceeded
from service.governance.grants import Grants
from service.policies.activations import Activations
from service.policies.review_forms import Source, SuiteWanted, read_outcome, write_wanted
from tests.service.cli.policy_test.policies import POLICY
from tests.service.doors.reviewing import REPLICA, Call, Reviewer, reviewing
from tests.service.doors.test_decision_log import told

STRICTER = POLICY.replace("level > 1", "level > 2")
FAULTY = POLICY.replace("resource.owner", "resource.ownr")
FURTHER = """\
module m
fixture cyd = User "cyd" { level: 3 }

test "who is high reads" {
  principal cyd
  resource plan
  context { now: 2026-01-05T10:00:00Z }
  expect allow read by high
}
"""
SECONDS = 20


@pytest.fixture(scope="module")
def reviewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reviewer]:
    """The service; the policies are pushed and in force, and stricter ones are pushed."""
    with reviewing(tmp_path_factory.mktemp("review")) as reviewer:
        reviewer.put_in_force(reviewer.push({"m.policy": POLICY}))
        reviewer.push({"m.policy": STRICTER})
        yield reviewer


def digest_of(text: str) -> str:
    return load({"m.policy": text}).digest


def files(text: str, path: str = "m.policy") -> list[pb.PolicyFile]:
    return [pb.PolicyFile(path=path, text=text)]


def suite(request: pb.TestRequest) -> Call[pb.TestResponse]:
    return lambda stub, who: stub.Test(request, metadata=who, timeout=SECONDS)


def compared(request: pb.DiffRequest) -> Call[pb.DiffResponse]:
    return lambda stub, who: stub.Diff(request, metadata=who, timeout=SECONDS)


def run(reviewer: Reviewer, *arguments: str | Path) -> Result:
    """A command of `magistrate policy`, asking the service."""

    def invoke(port: int) -> Result:
        asking = ["--server", f"127.0.0.1:{port}", "--token", "author"]
        return CliRunner().invoke(main, ["policy", *map(str, arguments), *asking])

    return reviewer.serve(invoke)


def offline(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["policy", *map(str, arguments)])


def folder_of(text: str, at: Path, name: str = "m.policy") -> Path:
    at.mkdir(exist_ok=True)
    (at / name).write_text(text)
    return at


# Test ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "digest"),
    [
        (pb.TestRequest(), POLICY),
        (pb.TestRequest(digest=digest_of(POLICY)[:8]), POLICY),
        (pb.TestRequest(files=files(POLICY)), POLICY),
    ],
    ids=["in force", "pushed", "sent"],
)
def test_policies_are_tested_wherever_they_are(reviewer: Reviewer, request_: pb.TestRequest, digest: str) -> None:
    answer = reviewer.ask("author", suite(request_))
    assert answer.digest == digest_of(digest)
    assert (answer.tests, answer.held, answer.failed, answer.left_out) == (2, 4, 0, 0)
    assert [(each.test, each.action, each.line) for each in answer.results[:2]] == [
        ("the owner edits", "edit", 17),
        ("the owner edits", "read", 18),
    ]
    assert not answer.HasField("coverage")


def test_what_fails_says_what_came_and_by_which_rules(reviewer: Reviewer) -> None:
    answer = reviewer.ask("author", suite(pb.TestRequest(digest=digest_of(STRICTER), only=["*owner*"])))
    failure = answer.results[1]
    assert (answer.held, answer.failed, failure.held) == (1, 1, False)
    assert list(failure.lines) == [
        "expected allow read by m.high, m.own", "got allow by m.own code ALLOWED",
    ]  # fmt: skip
    assert failure.excerpt[2] == "18 |   expect allow read by high, own"
    assert (failure.effect, failure.code, list(failure.expected_rules)) == (
        EFFECT_ALLOW, "ALLOWED", ["m.high", "m.own"],
    )  # fmt: skip
    assert {rule.rule_id: rule.determining for rule in failure.rules} == {
        "m.high": False,
        "m.own": True,
        "m.pinned": False,
    }
    assert not answer.results[0].rules


def test_further_tests_run_beside_those_of_the_policies(reviewer: Reviewer) -> None:
    wanted = pb.TestRequest(digest=digest_of(STRICTER), tests=files(FURTHER, "more.policy"), only=["who is high*"])
    answer = reviewer.ask("author", suite(wanted))
    assert (answer.tests, answer.held) == (1, 1)
    assert answer.digest == digest_of(STRICTER), "the further tests are no part of the policies"


def test_coverage_is_measured_if_it_is_asked_for(reviewer: Reviewer) -> None:
    coverage = reviewer.ask("author", suite(pb.TestRequest(coverage=True))).coverage
    assert (coverage.rule_share.covered, coverage.rule_share.total, coverage.percent) == (2, 4, 50)
    unheld = [rule for rule in coverage.rules if not rule.held]
    assert [(rule.rule_id, rule.line) for rule in unheld] == [("m.locked", 7), ("m.pinned", 8)]
    assert unheld[0].excerpt[2].startswith("7 | rule locked: deny edit")
    assert next(each.text for each in coverage.conditions if TRUTH_TRUE in each.missing) == "resource.locked"


def test_policies_with_faults_are_not_tested_and_the_faults_told(reviewer: Reviewer) -> None:
    answer = reviewer.ask("author", suite(pb.TestRequest(files=files(FAULTY))))
    (fault,) = answer.diagnostics
    assert (answer.digest, answer.tests, fault.code, fault.line) == ("", 0, "E203", 6)
    assert (fault.end_line, fault.end_column - fault.column) == (6, len("ownr"))
    assert fault.help == "did you mean `owner`?"


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (pb.TestRequest(only=["the ownr edits"]), "only: no test is called `the ownr edits`"),
        (
            pb.TestRequest(tests=files(POLICY, "more.policy")),
            "tests: fixtures and tests alone, but `more.policy` holds",
        ),
        (pb.TestRequest(tests=files(FURTHER)), "tests: paths that the policies do not have, and they have `m.policy`"),
        (pb.TestRequest(files=files(POLICY), digest="abcdef"), "digest: files, or the digest"),
        (pb.TestRequest(tests=files(FURTHER, "/etc/passwd")), "tests[0].path: "),
        (pb.TestRequest(only=["x"] * 101), "over the limit `selected_tests`: 101 given, 100 allowed"),
    ],
    ids=["no such test", "rules among tests", "a path twice", "two kinds", "no path", "too many"],
)
def test_what_cannot_be_tested_is_named(reviewer: Reviewer, request_: pb.TestRequest, text: str) -> None:
    failure = reviewer.fails("author", suite(request_))
    assert failure.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (failure.details() or "").startswith(text)


def test_what_was_not_pushed_is_not_found(reviewer: Reviewer) -> None:
    assert reviewer.fails("author", suite(pb.TestRequest(digest="abcdef"))).code() is grpc.StatusCode.NOT_FOUND


def test_texts_that_somebody_put_into_the_store_are_not_tested(reviewer: Reviewer) -> None:
    forged = reviewer.push({"m.policy": POLICY}, under="0" * 64)
    assert told(reviewer.fails("author", suite(pb.TestRequest(digest=forged))))[1] == "BUNDLE_REFUSED"


# Diff ---------------------------------------------------------------------------------------------------------------


def test_a_difference_names_the_rule_its_places_and_a_request_that_flips(reviewer: Reviewer) -> None:
    answer = reviewer.ask("author", compared(pb.DiffRequest(new_digest=digest_of(STRICTER))))
    assert (answer.old_digest, answer.new_digest) == (digest_of(POLICY), digest_of(STRICTER))
    (change,) = answer.changes
    assert (change.kind, change.name, change.old_location) == ("rule", "m.high", "m.policy:5")
    assert (change.before[-1], change.after[-1]) == ("  when principal.level > 1", "  when principal.level > 2")
    (searched,) = answer.searched
    assert (searched.principal_type, searched.action, searched.exhaustive) == ("User", "read", True)
    witness = searched.witnesses[0]
    assert witness.difference == pb.ANSWER_DIFFERENCE_NOW_DENIED
    assert (witness.old.effect, witness.new.effect) == (EFFECT_ALLOW, EFFECT_DENY)
    assert "level: 2" in witness.test


def test_nothing_is_searched_where_that_is_said(reviewer: Reviewer) -> None:
    answer = reviewer.ask("author", compared(pb.DiffRequest(new_digest=digest_of(STRICTER), without_search=True)))
    assert (len(answer.changes), len(answer.searched)) == (1, 0)


def test_faults_of_either_side_are_told_and_nothing_is_compared(reviewer: Reviewer) -> None:
    answer = reviewer.ask("author", compared(pb.DiffRequest(old_files=files(FAULTY), new_files=files(STRICTER))))
    assert [found.code for found in answer.diagnostics] == ["E203"]
    assert (answer.old_digest, answer.new_digest) == ("", digest_of(STRICTER))
    assert not answer.changes


def test_the_limit_of_steps_is_named(reviewer: Reviewer) -> None:
    failure = reviewer.fails("author", compared(pb.DiffRequest(steps=100_001)))
    assert (failure.details() or "") == "over the limit `policy_diff_steps`: 100001 given, 100000 allowed"


# Who may, and what is recorded ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [suite(pb.TestRequest()), compared(pb.DiffRequest())], ids=["Test", "Diff"])
def test_who_may_not_have_policies_checked_may_neither(reviewer: Reviewer, call: Call[object]) -> None:
    failure = reviewer.fails("nobody", call)
    assert told(failure)[2]["permission"] == "policy.validate"
    assert reviewer.records.records[-1].effect is Effect.DENY


def test_each_is_a_record_with_what_it_was_of(reviewer: Reviewer) -> None:
    reviewer.ask("author", suite(pb.TestRequest(files=files(POLICY), tests=files(FURTHER, "more.policy"))))
    reviewer.ask("author", compared(pb.DiffRequest(new_digest=digest_of(STRICTER)[:6])))
    first, second = reviewer.records.records[-2:]
    assert (first.action, first.effect) == ("magistrate.policy.validate", Effect.ALLOW)
    assert {"review": "test", "policies": "sent", "tests": ["more.policy"]}.items() <= first.inputs.items()
    told_of = {"review": "diff", "old": "in force", "new": digest_of(STRICTER)[:6]}
    assert told_of.items() <= second.inputs.items()


def test_a_record_names_no_more_than_a_hundred_files_of_tests(reviewer: Reviewer) -> None:
    further = [file for at in range(101) for file in files(FURTHER, f"t{at:03}.policy")]
    reviewer.fails("nobody", suite(pb.TestRequest(tests=further)))
    assert reviewer.records.records[-1].inputs["tests"] == [f"t{at:03}.policy" for at in range(100)]


# Where it ends -------------------------------------------------------------------------------------------------------


def test_work_that_nobody_waits_for_is_given_up_between_two_steps() -> None:
    asked = write_wanted(SuiteWanted(Source({"m.policy": POLICY}), {}, (), has_coverage=True))
    steps = iter([None, None, None])

    def go_on() -> None:
        if next(steps, Abandoned) is Abandoned:
            raise Abandoned

    with pytest.raises(Abandoned):
        Reviews().do(asked, go_on)


def test_an_answer_with_no_room_leaves_out_what_held_first() -> None:
    asked = write_wanted(SuiteWanted(Source({"m.policy": STRICTER}), {}, (), has_coverage=False))
    outcome = read_outcome(Reviews().do(asked, lambda: None))
    assert isinstance(outcome, bytes)
    whole = pb.TestResponse.FromString(outcome)
    part = fitted(whole, most=whole.ByteSize() - 1)
    assert ([each.held for each in part.results], part.left_out) == ([False], 3)
    assert (part.held, part.failed) == (3, 1)
    assert fitted(whole, most=100).left_out == 4
    with pytest.raises(LimitExceeded, match="policy_answer_bytes"):
        fitted(whole, most=10)


# The command line ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("text", [POLICY, STRICTER, FAULTY], ids=["all hold", "one fails", "faulty"])
def test_the_command_says_of_the_service_what_it_says_here(
    reviewer: Reviewer, tmp_path: Path, text: str, form: str
) -> None:
    asked: list[str | Path] = ["test", folder_of(text, tmp_path / "p"), "--coverage", "--output", form]
    here, there = offline(*asked), run(reviewer, *asked)
    assert (there.exit_code, there.stdout, there.stderr) == (here.exit_code, here.stdout, here.stderr)


def test_the_command_tests_pushed_policies_with_further_tests(reviewer: Reviewer, tmp_path: Path) -> None:
    tests = folder_of(FURTHER, tmp_path / "t", "more.policy")
    done = run(reviewer, "test", "--digest", "active", "--tests", tests)
    assert (done.exit_code, done.stdout) == (0, "5 expectations held, 0 did not, in 3 tests\n")
    own = folder_of(POLICY, tmp_path / "p")
    assert offline("test", own, "--tests", tests).stdout == done.stdout
    assert run(reviewer, "test", own, "--digest", "active").exit_code == 2
    assert offline("test", own, "--tests", own).exit_code == 2


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_command_compares_there_as_here(reviewer: Reviewer, tmp_path: Path, form: str) -> None:
    old, new = folder_of(POLICY, tmp_path / "old"), folder_of(STRICTER, tmp_path / "new")
    here = offline("diff", old, new, "--output", form)
    for sides in (("active", digest_of(STRICTER)[:10]), (old, new), (digest_of(POLICY), new)):
        there = run(reviewer, "diff", *sides, "--output", form)
        assert (there.exit_code, there.stdout) == (0, here.stdout)
    changed = run(reviewer, "diff", "active", new, "--exit-code", "--limit", "0")
    assert (changed.exit_code, changed.stdout.splitlines()[0]) == (1, "changed rule m.high (m.policy:5)")


def test_the_command_shows_what_is_wrong_with_a_folder(reviewer: Reviewer, tmp_path: Path) -> None:
    done = run(reviewer, "diff", "active", folder_of(FAULTY, tmp_path / "new"))
    assert (done.exit_code, done.stderr.splitlines()[0]) == (1, "error[E203]: unknown attribute `ownr` of `Document`")


def test_the_record_is_not_for_two_digests(reviewer: Reviewer) -> None:
    done = run(reviewer, "diff", "active", "active", "--against-log")
    assert (done.exit_code, "`policy push --preview`" in done.stderr) == (2, True)


def test_a_command_waits_for_an_activation_that_is_in_its_way(tmp_path: Path) -> None:
    with reviewing(tmp_path) as reviewer:
        first, second = reviewer.push({"m.policy": POLICY}), reviewer.push({"m.policy": STRICTER})
        activations = Activations(reviewer.facts)
        activations.beat(REPLICA)
        Grants(reviewer.facts).give(Ref("User", "author"), "admin", None)
        ended = threading.Event()
        in_the_way = activations.begin(first, "User:author", 60).number

        def replica() -> None:
            """Refuses the first, as soon as somebody has been told to come again, and loads the second."""
            time.sleep(0.3)
            activations.acknowledge(in_the_way, REPLICA, "it is too old")
            while not ended.wait(0.01):
                if (preparing := activations.standing().preparing) is not None:
                    activations.acknowledge(preparing.number, REPLICA)

        thread = threading.Thread(target=replica)
        thread.start()
        done = run(reviewer, "activate", second[:8])
        ended.set()
        thread.join()
    last = done.stdout.splitlines()[-1]  # before it may be lines of the service, which is in this process too
    assert (done.exit_code, last.split(";")[0]) == (0, f"activated {second}")
