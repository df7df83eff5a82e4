"""Writes what came of tests as messages, as much of it as fits into one answer."""

from magistrate.v1 import policy_pb2 as pb

from policy_lang.coverage import ConditionCoverage, Coverage, RuleCoverage, Share
from policy_lang.excerpt import excerpt
from policy_lang.explanation import Explanation
from policy_lang.suite import TestResult
from service.doors.grpc.codec import EFFECTS
from service.doors.grpc.explanation import TRUTHS, write_rules
from service.errors import LimitExceeded
from service.policies.review_forms import ANSWER_BYTES
from service.policies.suites import Tested


def write_tested(tested: Tested) -> pb.TestResponse:
    """All of it."""
    results = [_write_result(result, explanation) for result, explanation in tested.results]
    failed = sum(not result.held for result in results)
    return pb.TestResponse(
        digest=tested.digest,
        tests=tested.tests,
        held=len(results) - failed,
        failed=failed,
        results=results,
        coverage=None if tested.coverage is None else _write_coverage(tested.coverage),
    )


def fitted(answer: pb.TestResponse, most: int = ANSWER_BYTES) -> pb.TestResponse:
    """The answer without so many results that it fits, first those that held; LimitExceeded if it cannot be made to."""
    if answer.ByteSize() <= most:
        return answer
    kept = [result for result in answer.results if not result.held]
    without = pb.TestResponse()
    without.CopyFrom(answer)
    del without.results[:]
    room = most - without.ByteSize()
    if room < 0:
        raise LimitExceeded("policy_answer_bytes", most, most - room)
    for result in kept:
        room -= result.ByteSize() + 8  # the field's tag and length
        if room < 0:
            break
        without.results.append(result)
    without.left_out = len(answer.results) - len(without.results)
    return without


def _write_result(result: TestResult, explanation: Explanation | None) -> pb.TestResult:
    span = result.expectation.span
    return pb.TestResult(
        test=result.title,
        path=span.file.path,
        line=span.file.position(span.start).line,
        action=result.expectation.action,
        in_matrix=result.case.row is not None,
        held=result.has_passed,
        effect=EFFECTS[result.decision.effect],
        code=result.decision.code,
        lines=result.lines,
        excerpt=() if result.has_passed else excerpt(span, result.lines),
        rules=() if explanation is None else write_rules(explanation),
        expected_rules=sorted(result.expectation.by or ()),
    )


def _write_coverage(coverage: Coverage) -> pb.TestCoverage:
    return pb.TestCoverage(
        percent=coverage.percent,
        rule_share=_write_share(coverage.rule_share),
        value_share=_write_share(coverage.value_share),
        rules=map(_write_rule, coverage.rules),
        conditions=map(_write_condition, coverage.conditions),
    )


def _write_share(share: Share) -> pb.Share:
    return pb.Share(covered=share.covered, total=share.total, percent=share.percent)


def _write_rule(each: RuleCoverage) -> pb.RuleCoverage:
    span = each.rule.span
    return pb.RuleCoverage(
        rule_id=each.rule.id,
        path=span.file.path,
        line=span.file.position(span.start).line,
        held=each.has_held,
        excerpt=() if each.has_held else excerpt(span),
    )


def _write_condition(each: ConditionCoverage) -> pb.ConditionCoverage:
    start = each.span.file.position(each.span.start)
    return pb.ConditionCoverage(
        rule_id=each.rule,
        kind=each.kind.value,
        text=" ".join(each.span.text.split()),
        path=each.span.file.path,
        line=start.line,
        column=start.column,
        seen=[TRUTHS[value] for value in each.possible if value in each.seen],
        missing=[TRUTHS[value] for value in each.missing],
        excerpt=excerpt(each.span) if each.missing else (),
    )
