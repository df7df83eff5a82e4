"""PolicyService: reads the message, has it done in a thread, writes the answer."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

from grpc.aio import ServicerContext
from magistrate.v1 import policy_pb2 as pb
from magistrate.v1 import policy_pb2_grpc as pb_grpc

from service.doors.grpc.caller import Callers
from service.doors.grpc.findings_codec import write_findings
from service.doors.grpc.paging import page_size, write_page_token
from service.doors.grpc.policy_codec import (
    read_digest,
    read_offered,
    read_place,
    read_texts,
    write_activation,
    write_bundle,
    write_file,
)
from service.doors.grpc.review_codec import read_compared, read_steps, read_suite
from service.doors.grpc.rim import answering
from service.doors.grpc.turns import Turns, no_place, seconds_left
from service.errors import InvalidRequest, RateLimited, Violation
from service.policies.activations import Activation
from service.policies.office import PolicyOffice
from service.policies.review_office import ReviewOffice

Reached = Callable[[str, float], Awaitable[None]]
"""Returns when this worker has applied a revision, within so many seconds."""

LONGEST_SECONDS: Final = 120.0
"""How long a call may take, whatever its deadline."""
AT_ONCE: Final = 4
"""Calls that a worker does at a time."""
WAITING: Final = 16
"""Calls that may wait for their turn beside them; further ones are refused."""
REVIEWS_AT_ONCE: Final = 2
"""Tests and comparisons that a worker waits for at a time; the background process does one after the other."""
REVIEWS_WAITING: Final = 4
"""Those that may wait for their turn beside them."""

Request = TypeVar("Request")
Response = TypeVar("Response")
Result = TypeVar("Result")


class PolicyServicer(pb_grpc.PolicyServiceServicer):
    """The RPCs. They wait for other processes, so none runs on the loop, and only a few at a time."""

    def __init__(self, callers: Callers, office: PolicyOffice, reviews: ReviewOffice, reached: Reached) -> None:
        self._callers = callers
        self._office = office
        self._reviews = reviews
        self._reached = reached
        self._turns = Turns(callers, at_once=AT_ONCE, waiting=WAITING, refusal=_refusal)
        self._review_turns = Turns(callers, at_once=REVIEWS_AT_ONCE, waiting=REVIEWS_WAITING, refusal=_review_refusal)

    @answering
    async def Validate(  # noqa: N802
        self, request: pb.ValidateRequest, context: ServicerContext[pb.ValidateRequest, pb.ValidateResponse]
    ) -> pb.ValidateResponse:
        """Checks policies."""
        caller, texts, within = await self._callers.admitted(context), read_texts(request.files), _within(context)
        verdict = await self._do(context, lambda: self._office.validate(caller, texts, within))
        return pb.ValidateResponse(digest=verdict.digest, diagnostics=write_findings(verdict.findings))

    @answering
    async def Push(  # noqa: N802
        self, request: pb.PushRequest, context: ServicerContext[pb.PushRequest, pb.PushResponse]
    ) -> pb.PushResponse:
        """Checks policies and keeps them."""
        caller, offered, within = await self._callers.admitted(context), read_offered(request), _within(context)
        verdict, is_new = await self._do(context, lambda: self._office.push(caller, offered, within))
        return pb.PushResponse(digest=verdict.digest, diagnostics=write_findings(verdict.findings), created=is_new)

    @answering
    async def Activate(  # noqa: N802
        self, request: pb.ActivateRequest, context: ServicerContext[pb.ActivateRequest, pb.ActivateResponse]
    ) -> pb.ActivateResponse:
        """Puts policies in force."""
        caller, digest, within = await self._callers.admitted(context), read_digest(request.digest), _within(context)
        activation = await self._do(context, lambda: self._office.activate(caller, digest, within))
        return pb.ActivateResponse(activation=await self._in_force(activation, context))

    @answering
    async def Rollback(  # noqa: N802
        self,
        request: pb.RollbackRequest,  # noqa: ARG002  # it says nothing
        context: ServicerContext[pb.RollbackRequest, pb.RollbackResponse],
    ) -> pb.RollbackResponse:
        """Puts in force again what was before."""
        caller, within = await self._callers.admitted(context), _within(context)
        activation = await self._do(context, lambda: self._office.rollback(caller, within))
        return pb.RollbackResponse(activation=await self._in_force(activation, context))

    @answering
    async def List(  # noqa: N802
        self, request: pb.ListRequest, context: ServicerContext[pb.ListRequest, pb.ListResponse]
    ) -> pb.ListResponse:
        """Lists pushed policies."""
        caller, size, before = (
            await self._callers.admitted(context),
            page_size(request.page_size),
            read_place(request.page_token),
        )
        found, active = await self._do(context, lambda: self._office.bundles(caller, size + 1, before))
        page, last = found[:size], found[size - 1] if len(found) > size else None
        token = "" if last is None else write_page_token([str(last.pushed_at), last.digest])
        bundles = [write_bundle(each, is_active=each.digest == active) for each in page]
        return pb.ListResponse(bundles=bundles, next_page_token=token)

    @answering
    async def Get(  # noqa: N802
        self, request: pb.GetRequest, context: ServicerContext[pb.GetRequest, pb.GetResponse]
    ) -> pb.GetResponse:
        """Gets the texts of pushed policies."""
        caller, digest = await self._callers.admitted(context), read_digest(request.digest) if request.digest else ""
        pushed, texts, is_active = await self._do(context, lambda: self._office.bundle(caller, digest))
        files = [write_file(path, text) for path, text in sorted(texts.items())]
        return pb.GetResponse(bundle=write_bundle(pushed, is_active=is_active), files=files)

    @answering
    async def ListActivations(  # noqa: N802
        self,
        request: pb.ListActivationsRequest,
        context: ServicerContext[pb.ListActivationsRequest, pb.ListActivationsResponse],
    ) -> pb.ListActivationsResponse:
        """Lists the activations."""
        caller, size = await self._callers.admitted(context), page_size(request.page_size)
        before = read_place(request.page_token)
        number = before.pushed_at if before is not None else None
        found = await self._do(context, lambda: self._office.history(caller, size + 1, number))
        page, last = found[:size], found[size - 1] if len(found) > size else None
        token = "" if last is None else write_page_token([str(last.number), last.digest])
        return pb.ListActivationsResponse(activations=map(write_activation, page), next_page_token=token)

    @answering
    async def Test(  # noqa: N802
        self, request: pb.TestRequest, context: ServicerContext[pb.TestRequest, pb.TestResponse]
    ) -> pb.TestResponse:
        """Runs tests."""
        caller, named, within = await self._callers.admitted(context), read_suite(request), _within(context)
        test = partial(self._reviews.test, caller, named, within)
        return pb.TestResponse.FromString(await self._review_turns.take(context, test))

    @answering
    async def Diff(  # noqa: N802
        self, request: pb.DiffRequest, context: ServicerContext[pb.DiffRequest, pb.DiffResponse]
    ) -> pb.DiffResponse:
        """Compares policies."""
        caller, (old, new), within = await self._callers.admitted(context), read_compared(request), _within(context)
        diff = partial(self._reviews.diff, caller, old, new, steps=read_steps(request), within=within)
        return pb.DiffResponse.FromString(await self._review_turns.take(context, diff))

    @answering
    async def Shadow(  # noqa: N802
        self, request: pb.ShadowRequest, context: ServicerContext[pb.ShadowRequest, pb.ShadowResponse]
    ) -> pb.ShadowResponse:
        """Has policies tried out, or none any more; or says which are."""
        caller = await self._callers.admitted(context)
        if request.digest and request.off:
            raise InvalidRequest([Violation("off", "not with a digest")])
        if request.digest:
            digest = read_digest(request.digest)
            return pb.ShadowResponse(digest=await self._do(context, lambda: self._office.try_out(caller, digest)))
        if request.off:
            await self._do(context, lambda: self._office.try_none(caller))
            return pb.ShadowResponse()
        return pb.ShadowResponse(digest=await self._do(context, lambda: self._office.tried_out(caller)))

    async def _do(self, context: ServicerContext[Request, Response], act: Callable[[], Result]) -> Result:
        return await self._turns.take(context, act)

    async def _in_force(self, activation: Activation, context: ServicerContext[Request, Response]) -> pb.Activation:
        """The activation, once this worker answers by it."""
        await self._reached(activation.revision, _within(context))
        return write_activation(activation)


def _refusal() -> RateLimited:
    return no_place("policy_calls", AT_ONCE + WAITING)


def _review_refusal() -> RateLimited:
    return no_place("policy_reviews", REVIEWS_AT_ONCE + REVIEWS_WAITING)


def _within(context: ServicerContext[Request, Response]) -> float:
    return seconds_left(context, LONGEST_SECONDS)
