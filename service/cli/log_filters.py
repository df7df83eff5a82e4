"""The options by which commands say what to find in the log."""

import time
from collections.abc import Callable
from typing import Final, TypedDict

import click

from policy_lang.decision import Effect
from policy_lang.forms import check_id
from policy_lang.notation import BadValue, parse_duration, parse_timestamp
from policy_lang.values import Ref
from service.decisions.log_filter import ANY_FLIP, ANY_GRANT, LogFilter
from service.model import FLIPS


class Wanted(TypedDict):
    """The options that say what to find."""

    since: int | None
    until: int | None
    principal: Ref | None
    caller: Ref | None
    action: str | None
    resource: Ref | None
    resource_type: str | None
    resource_prefix: Ref | None
    tenant: Ref | None
    effect: Effect | None
    code: str | None
    rule: str | None
    missing: str | None
    request_id: str | None
    trace_id: str | None
    peer: str | None
    credential: str | None
    policy_digest: str | None
    unenforced: bool
    flips: str | None
    break_glass: str | None
    input_: tuple[str, ...]


def filter_options(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options; they arrive as `Wanted`."""
    for option in reversed(_FILTERS):
        function = option(function)
    return function


def read_filter(options: Wanted) -> LogFilter:
    """What the options ask for; UsageError where they contradict each other."""
    prefix, type_ = options["resource_prefix"], options["resource_type"]
    if prefix is not None and type_ not in {None, prefix.type}:
        raise click.UsageError("--resource-type and --resource-prefix name two types")
    return LogFilter(
        since=options["since"],
        until=options["until"],
        principal=options["principal"],
        caller=options["caller"],
        action=options["action"],
        resource=options["resource"],
        resource_type=type_ if prefix is None else prefix.type,
        resource_prefix=None if prefix is None else prefix.id,
        tenant=options["tenant"],
        effect=options["effect"],
        code=options["code"],
        rule=options["rule"],
        missing=options["missing"],
        request_id=options["request_id"],
        trace_id=options["trace_id"],
        peer=options["peer"],
        credential=options["credential"],
        policy_digest=options["policy_digest"],
        enforced=False if options["unenforced"] else None,
        flip=options["flips"],
        break_glass=options["break_glass"],
        attributes=dict(map(_input, options["input_"])),
    )


def read_time(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """A time, or how long ago it was."""
    if text is None:
        return None
    try:
        return parse_timestamp(text) if "-" in text else time.time_ns() // 1_000_000 - parse_duration(text)
    except BadValue as error:
        raise click.BadParameter(
            f"`{text}`: give a time such as 2026-01-05T10:00:00Z, or an age such as 15m"
        ) from error


def read_ref(_: click.Context, __: click.Parameter, text: str | None) -> Ref | None:
    """A reference, `TYPE:ID`."""
    if text is None:
        return None
    type_, colon, id_ = text.partition(":")
    if not type_ or not colon:
        raise click.BadParameter(f"`{text}` is not of the form TYPE:ID")
    try:
        return Ref(type_, check_id(id_))
    except BadValue as error:
        raise click.BadParameter(f"`{text}`: {error}") from error


def _input(text: str) -> tuple[str, str]:
    path, equals, value = text.partition("=")
    if not path or not equals:
        raise click.UsageError(f"--input `{text}` is not of the form PATH=VALUE")
    return path, value


_FILTERS: Final = (
    click.option("--since", metavar="TIME", callback=read_time, help="From then on: a time, or an age such as 15m."),
    click.option("--until", metavar="TIME", callback=read_time, help="Before then."),
    click.option("--principal", metavar="TYPE:ID", callback=read_ref, help="Whom the question was about."),
    click.option("--caller", metavar="TYPE:ID", callback=read_ref, help="Who asked."),
    click.option("--action", help="What was to be done."),
    click.option("--resource", metavar="TYPE:ID", callback=read_ref, help="On what."),
    click.option("--resource-type", metavar="TYPE", help="On anything of that type."),
    click.option(
        "--resource-prefix", metavar="TYPE:ID", callback=read_ref, help="On what has an id that begins so."
    ),
    click.option("--tenant", metavar="TYPE:ID", callback=read_ref, help="Whose it is."),
    click.option("--effect", type=click.Choice(Effect, case_sensitive=False), help="What was decided."),
    click.option("--code", help="Its code, such as UNDETERMINED or a rule's own."),
    click.option("--rule", help="A rule that determined it, by its full id."),
    click.option("--missing", metavar="PATH", help="An input that was lacking, such as context.mfa."),
    click.option("--request-id", help="The caller's own id of the request."),
    click.option("--trace-id", help="The trace that the call was part of."),
    click.option("--peer", metavar="ADDRESS", help="The address that the call came from."),
    click.option("--credential", metavar="ID", help="What the caller showed: a token's jti, a key's or session's id."),
    click.option("--policy-digest", help="The policies that it was decided by."),
    click.option(
        "--unenforced", is_flag=True,
        help="Answered with a plain allow instead, in log-only mode; with --effect deny, what would have been denied.",
    ),
    click.option(
        "--flips", type=click.Choice([ANY_FLIP, *FLIPS]), is_flag=False, flag_value=ANY_FLIP,
        help="What candidate policies, tried out beside, decided otherwise; or so alone.",
    ),
    click.option(
        "--break-glass", metavar="[ID]", is_flag=False, flag_value=ANY_GRANT,
        help="Allowed by an emergency grant alone; or by that one.",
    ),
    click.option(
        "--input", "input_", metavar="PATH=VALUE", multiple=True,
        help="What an input was, such as resource.owner=User:bob, or held. Repeatable; needs --since without an index.",
    ),
)  # fmt: skip
