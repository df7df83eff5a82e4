"""The endpoints of OpenID AuthZEN Authorization API 1.0: evaluation and evaluations, asked like any other check."""

from time import perf_counter
from typing import Final

from service.admission import check_request_id
from service.asking import Asking
from service.config import Limits
from service.doors.http.answering import Exchange
from service.doors.http.evaluation_codec import (
    Object,
    read_evaluation,
    read_evaluations,
    read_semantic,
    write_evaluation,
    write_evaluations,
)
from service.doors.http.json_text import read_object
from service.doors.http.pages import NO_STORE, Page, as_sent, json_page, write_error
from service.errors import MagistrateError
from service.model import Answer, Caller, CheckRequest, Latency
from service.ports import Policies
from service.questions import sayable
from service.samples import Samples
from service.stages import write_ended

CHECK: Final = "AuthorizationService.Check"
BATCH_CHECK: Final = "AuthorizationService.BatchCheck"
"""The RPCs that evaluation and evaluations do the work of: a key that may call the one may call the other."""

DROPPED: Final = "magistrate_authzen_dropped"


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
        return await self._evaluated(exchange, caller, read_object(await exchange.body()))

    async def evaluations(self, exchange: Exchange) -> Page:
        """Answers several, each that is wrong with a deny in its place; or one, where none are listed."""
        caller = await self._asking.admit(exchange.call)
        check_request_id(exchange.request_id)
        message = read_object(await exchange.body())
        checks = read_evaluations(message, exchange.request_id, self._limits)
        if not checks:
            return await self._evaluated(exchange, caller, message)
        until = read_semantic(message)
        call = exchange.call
        if len(checks) > 1:  # the first was counted when the call came in
            caller = await self._asking.charge(call.weighing(len(checks) - 1))
        said = [self._said(check) for check in checks]
        answers = await self._asking.decide(call, caller, said, Latency.MINIMAL, until=until)
        began = perf_counter()
        page = json_page(write_evaluations(answers, write_error=write_error), NO_STORE)
        write_ended(began)
        return page

    async def _evaluated(self, exchange: Exchange, caller: Caller, message: Object) -> Page:
        check = self._said(read_evaluation(message, exchange.request_id, self._limits))
        answers = await self._asking.decide(exchange.call, caller, (check,), Latency.MINIMAL)
        (item,) = answers.items
        if not isinstance(item, Answer):
            raise item
        began = perf_counter()
        page = json_page(write_evaluation(item, answers), NO_STORE)
        write_ended(began)
        return page

    def _said(self, check: CheckRequest | MagistrateError) -> CheckRequest | MagistrateError:
        """The check, without what is not its caller's to say."""
        if isinstance(check, MagistrateError):
            return check
        said, left_out = sayable(check, self._policies.active().bundle.program.schema)
        for path in left_out:
            self._samples.count(DROPPED, part=as_sent(path).partition(".")[0])
        return said
