"""Writes a witness as a test that its author can paste into the newer bundle."""

from collections.abc import Iterable, Iterator, Mapping

from policy_lang.decision import RESERVED_CODES, Decision, Effect
from policy_lang.notation import format_timestamp
from policy_lang.reviewing.realised import case_of
from policy_lang.reviewing.witness import Witness
from policy_lang.reviewing.wording import entity, literal, quoted
from policy_lang.schema import Attribute, Schema
from policy_lang.typed import EntityFixture, TestCase
from policy_lang.values import Cell, Gap


def written_test(witness: Witness, schema: Schema) -> str:
    """The test, expecting what the newer bundle decides; all names are full, so that any module may hold it."""
    world = witness.world
    case = case_of(world, witness.domains, schema)
    title = f"{world.principal.type} {world.action} {world.resource.type}: {witness.what.value}"
    lines = [*_given(case, schema), *_asks(case, schema), f"expect {_expected(world.action, witness.new)}"]
    return "\n".join((f"test {quoted(title)} {{", *(f"  {line}" for line in lines), "}"))


def _given(case: TestCase, schema: Schema) -> Iterator[str]:
    for each in case.entities:
        yield f"given {_row(each, schema)}"
    for each in (case.principal, case.resource, *case.entities):
        yield from (f"given {entity(each.ref)} in {entity(parent)}" for parent in each.parents)
    for row in case.assignments:
        place = "" if row.place is None else f" of {entity(row.place)}"
        yield f"given {entity(row.subject)} is {row.role}{place}"
    for link in case.links:
        yield f"given {entity(link.subject)} is {link.relation} of {entity(link.resource)}"


def _asks(case: TestCase, schema: Schema) -> Iterator[str]:
    yield f"principal {_row(case.principal, schema)}"
    if case.resource.ref == case.principal.ref:
        yield f"resource {entity(case.resource.ref)}"
    else:
        yield f"resource {_row(case.resource, schema)}"
    cells = {name: cell for name, cell in case.context.items() if name != "now"}
    yield f"context {{ {', '.join((f'now: {format_timestamp(case.now)}', *_cells(cells, schema.context)))} }}"


def _row(fixture: EntityFixture, schema: Schema) -> str:
    cells = ", ".join(_cells(fixture.cells or {}, schema.types[fixture.ref.type].attributes))
    return f"{entity(fixture.ref)} {{ {cells} }}" if cells else f"{entity(fixture.ref)} {{}}"


def _cells(cells: Mapping[str, Cell], attributes: Mapping[str, Attribute]) -> Iterable[str]:
    for name, cell in sorted(cells.items()):
        if not isinstance(cell, Gap):
            yield f"{name}: {literal(cell, attributes[name].type)}"


def _expected(action: str, decision: Decision) -> str:
    said = f"{decision.effect.value} {action}"
    if decision.reasons:
        said += f" by {', '.join(reason.rule_id for reason in decision.reasons)}"
    if decision.effect is Effect.DENY and (decision.code not in RESERVED_CODES or not decision.reasons):
        said += f" code {decision.code}"
    if decision.obligations:
        said += f" oblige {', '.join(dict.fromkeys(duty.type for duty in decision.obligations))}"
    return said
