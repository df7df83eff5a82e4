"""The endpoints of OpenID AuthZEN Authorization API 1.0: evaluation and evaluations, asked like any other check."""

from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Final

from policy_lang.decision import Effect
from policy_lang.types import Json
from service.admission import check_request_id
from service.asking import Asking
from service.config import Limits
from service.doors.calls import HTTP
from service.doors.http.answering import Exchange, Rest
from service.doors.http.evaluation_codec import (
    Object,
    read_evaluation,
    read_evaluations,
    read_semantic,
    write_evaluation,
    write_evaluations,
)
from service.doors.http.json_text import read_object
from service.doors.http.pages import NO_STORE, Page, as_sent, json_page, status_of, write_error
from service.doors.http.paths import EVALUATIONS
from service.errors import MagistrateError
from service.model import Answer, Answers, Caller, CheckRequest, Latency
from service.ports import Policies
from service.questions import sayable
from service.samples import Samples
from service.stages import write_ended

CHECK: Final = "AuthorizationService.Check"
BATCH_CHECK: Final = "AuthorizationService.BatchCheck"
"""The RPCs that evaluation and evaluations do the work of: a key that may call the one may call the other."""

DROPPED: Final = "magistrate_authzen_dropped"


Said = CheckRequest | MagistrateError
"""A question, or what is wrong with it."""


class AuthZen:
    """Answers evaluations. Callers send what they have: what the policies do not take from them is left out."""

    def __init__(self, asking: Asking, policies: Policies, limits: Limits, samples: Samples) -> None:
        self._asking = asking
        self._policies = policies
        self._limits = limits
        self._samples = samples

    async def evaluation(self, exchange: Exchange) -> Page:
        """Answers one evaluation. Who calls is settled before the body is read."""
        caller = await self._asking.admit(exchange.call)
        return await self._evaluated(exchange, caller, self._check(exchange, read_object(await exchange.body())))

    def evaluation_at_once(self, exchange: Exchange, body: bytes) -> Page | Rest:
        """The same of a body that is here; who was admitted is not admitted, and counted, once more."""
        caller = self._asking.admit_at_once(exchange.call)
        if caller is None:
            return partial(self.evaluation, exchange)
        exchange.check(body)
        return self._evaluated_at_once(exchange, caller, self._check(exchange, read_object(body)))

    async def evaluations(self, exchange: Exchange) -> Page:
        """Answers several, each that is wrong with a deny in its place; or one, where none are listed."""
        caller = await self._asking.admit(exchange.call)
        check_request_id(exchange.request_id)
        message = read_object(await exchange.body())
        checks = read_evaluations(message, exchange.request_id, self._limits)
        if not checks:
            return await self._evaluated(exchange, caller, self._check(exchange, message))
        until = read_semantic(message)
        if len(checks) > 1:  # the first was counted when the call came in
            caller = await self._asking.charge(exchange.call.weighing(len(checks) - 1))
        return await self._all_evaluated(exchange, caller, [self._said(check) for check in checks], until)

    def evaluations_at_once(self, exchange: Exchange, body: bytes) -> Page | Rest:
        """The same of a body that is here. Who is admitted at once has no rate, so the others need not be charged."""
        caller = self._asking.admit_at_once(exchange.call)
        if caller is None:
            return partial(self.evaluations, exchange)
        check_request_id(exchange.request_id)
        exchange.check(body)
        message = read_object(body)
        checks = read_evaluations(message, exchange.request_id, self._limits)
        if not checks:
            return self._evaluated_at_once(exchange, caller, self._check(exchange, message))
        until, said = read_semantic(message), [self._said(check) for check in checks]
        answers = None if until is not None else self._asking.decide_at_once(exchange.call, caller, said)
        if answers is None:
            return partial(self._all_evaluated, exchange, caller, said, until)
        return self._when_kept(answers, _page_of_all)

    async def _evaluated(self, exchange: Exchange, caller: Caller, check: Said) -> Page:
        return _page_of_one(await self._asking.decide(exchange.call, caller, (check,), Latency.MINIMAL))

    def _evaluated_at_once(self, exchange: Exchange, caller: Caller, check: Said) -> Page | Rest:
        answers = self._asking.decide_at_once(exchange.call, caller, (check,))
        if answers is None:
            return partial(self._evaluated, exchange, caller, check)
        return self._when_kept(answers, _page_of_one)

    async def _all_evaluated(
        self, exchange: Exchange, caller: Caller, checks: Sequence[Said], until: Effect | None
    ) -> Page:
        return _page_of_all(await self._asking.decide(exchange.call, caller, checks, Latency.MINIMAL, until=until))

    def _when_kept(self, answers: Answers, page_of: Callable[[Answers], Page]) -> Page | Rest:
        """The page, where it need not wait until the record is kept."""
        keeping = answers.keeping
        if keeping is None:
            return page_of(answers)

        async def kept() -> Page:
            await self._asking.kept(keeping)
            return page_of(answers)

        return kept

    def _check(self, exchange: Exchange, message: Object) -> Said:
        return self._said(read_evaluation(message, exchange.request_id, self._limits))

    def _said(self, check: Said) -> Said:
        """The check, without what is not its caller's to say."""
        if isinstance(check, MagistrateError):
            return check
        said, left_out = sayable(check, self._policies.active().bundle.program.schema)
        for path in left_out:
            self._samples.count(DROPPED, part=as_sent(path).partition(".")[0])
        return said


def _page_of_one(answers: Answers) -> Page:
    """The answer to the one question; raises what it was refused for."""
    (item,) = answers.items
    if not isinstance(item, Answer):
        raise item
    began = perf_counter()
    page = json_page(write_evaluation(item, answers), NO_STORE)
    write_ended(began)
    return page


def _page_of_all(answers: Answers) -> Page:
    began = perf_counter()
    page = json_page(write_evaluations(answers, write_error=_told), NO_STORE)
    write_ended(began)
    HTTP.answer(EVALUATIONS, "200", sum(isinstance(item, Answer) for item in answers.items))
    return page


def _told(error: MagistrateError) -> Json:
    """The error of one evaluation, which is counted."""
    HTTP.answer(EVALUATIONS, str(int(status_of(error))))
    return write_error(error)
