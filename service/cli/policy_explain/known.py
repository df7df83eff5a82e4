"""Puts together what is known offline: the fixtures of policies, and facts from files of JSON lines or JSON."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from policy_lang.facts import Assignment, Link
from policy_lang.fixture_source import FixtureSource
from policy_lang.schema import Schema
from policy_lang.typed import EntityFixture
from policy_lang.values import Ref
from service.entities.admission import Admission, EntityFact
from service.entities.decoding import Decoder
from service.entities.lines import Line, lines_of, read_fact
from service.errors import DataError, why


@dataclass(slots=True)
class Known:
    """The rows that a question may be decided on. Of two rows of an entity the later one counts."""

    entities: dict[Ref, EntityFixture] = field(default_factory=dict)
    assignments: list[Assignment] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)

    @property
    def source(self) -> FixtureSource:
        """What facts are gathered from."""
        return FixtureSource(self.entities.values(), self.assignments, self.links)


def known_from(fixtures: Iterable[EntityFixture], files: Sequence[Path], schema: Schema) -> Known:
    """The rows of the fixtures, then those of the files; DataError names what is wrong in a file, and where."""
    known = Known({entity.ref: entity for entity in fixtures if entity.cells is not None})
    admission, decoder = Admission(schema), Decoder(schema)
    for path in files:
        for line in _lines(path):
            try:
                fact = read_fact(line, admission, "element" if path.suffix == ".json" else "line")
            except DataError as error:
                raise DataError(f"`{path}`: {error}") from error
            match fact:
                case EntityFact(ref, attributes, parents):
                    cells = decoder.cells(ref.type, orjson.dumps(attributes).decode())
                    known.entities[ref] = EntityFixture(ref, cells, parents)
                case Assignment():
                    known.assignments.append(fact)
                case Link():
                    known.links.append(fact)
    return known


def _lines(path: Path) -> Iterator[Line]:
    """The facts of a file: a line each, or the elements of one JSON list."""
    try:
        with path.open("rb") as file:
            if path.suffix != ".json":
                yield from lines_of(file)
                return
            document = orjson.loads(file.read())
    except OSError as error:
        raise DataError(f"`{path}` cannot be read: {why(error)}") from error
    except orjson.JSONDecodeError as error:
        raise DataError(f"`{path}` is not JSON: {error}") from error
    elements = document if isinstance(document, list) else [document]
    yield from (Line(number, orjson.dumps(element), 0) for number, element in enumerate(elements, start=1))
