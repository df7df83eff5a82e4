"""Says what of the stored facts does not fit policies: to people, to programs, and beside what declares it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from policy_lang.counts import counted
from policy_lang.excerpt import excerpt, visible
from policy_lang.loading import examine, read
from policy_lang.schema import Schema
from policy_lang.source import Span
from policy_lang.syntax.statements import File, RoleDeclaration, StoredRelation, TypeDeclaration
from policy_lang.types import Json
from service.errors import FactsUnavailable, SchemaOutdated

if TYPE_CHECKING:
    from service.entities.fitting import Misfit

_Places = Mapping[tuple[str, str], Span]
"""Where a type, a role or a stored relation is declared, and where an attribute of a type is."""
_NOWHERE: Final = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """What of the stored facts does not fit, and the mapped sources, of which nothing is read."""

    misfits: "tuple[Misfit, ...]" = ()
    not_read: tuple[str, ...] = ()


def look_at_stored(schema: Schema, config: Path | None, given: Mapping[str, object]) -> Stored:
    """What is in the service's database, by that schema; nothing is written there, not even a migration."""
    # Here, for policies are checked without a database by far the most.
    from service.cli.progress import progress
    from service.configuring import load_settings
    from service.db.migration import State, status
    from service.db.opening import open_database
    from service.entities.fitting import find_misfits

    settings = load_settings(config, {name: value for name, value in given.items() if value is not None})
    database = open_database(settings.database_url)
    try:
        if not database.exists():
            raise FactsUnavailable(f"there is no database {database.name}")
        if status(database, "facts").state is not State.CURRENT:
            raise SchemaOutdated(
                f"the facts database {database.name} is of another version\nhelp: run `magistrate db migrate`"
            )
        with progress("looking at entities") as bar:
            return Stored(tuple(find_misfits(database, schema, bar)), tuple(settings.sources))
    finally:
        database.close()


def show_stored(stored: Stored, texts: Mapping[str, str], folder: Path) -> None:
    """Shows it to a person, each misfit where the policies declare it."""
    places = _places(texts)
    for found in stored.misfits:
        click.echo(_rendered(found, _place(found, places)) + "\n", err=True)
    if stored.not_read:
        names = ", ".join(f"`{name}`" for name in stored.not_read)
        check = f"magistrate data check-sources --policies-source folder --policies {folder}"
        click.echo(
            f"note: what is in mapped sources is not read: {names}\n"
            f"help: whether their tables fit these policies says `{check}`",
            err=True,
        )


def stored_json(stored: Stored, texts: Mapping[str, str]) -> dict[str, Json]:
    """The same for programs; line and column count from 1, and are left out where nothing declares it."""
    places = _places(texts)
    misfits: list[Json] = [_as_json(found, _place(found, places)) for found in stored.misfits]
    return {"stored": misfits, "sources_not_read": list(stored.not_read)}


def stored_sarif(stored: Stored, texts: Mapping[str, str], uri: str) -> tuple[list[Json], list[Json]]:
    """Rules and results of a SARIF log, of policies in the folder of that URI."""
    if not stored.misfits:
        return [], []
    from service.entities.fitting import CODES

    places = _places(texts)
    rules: list[Json] = [
        {
            "id": code,
            "shortDescription": {"text": CODES[code]},
            "defaultConfiguration": {"level": "error"},
        }
        for code in sorted({found.code for found in stored.misfits})
    ]
    return rules, [_sarif_result(found, _place(found, places), uri) for found in stored.misfits]


def _rendered(found: "Misfit", place: Span | None) -> str:
    head = visible(f"error[{found.code}]: {_message(found)}")
    note = f"help: such as {_examples(found)}"
    return "\n".join((head, *(excerpt(place, (note,)) if place is not None else (f"  = {visible(note)}",))))


def _message(found: "Misfit") -> str:
    return f"{counted(found.count, 'row')} of `{found.subject}`: {found.why}"


def _examples(found: "Misfit") -> str:
    return ", ".join(f"`{each}`" for each in found.examples)


def _as_json(found: "Misfit", place: Span | None) -> Json:
    shown: dict[str, Json] = {
        "code": found.code,
        "subject": found.subject,
        "message": found.why,
        "count": found.count,
        "examples": list(found.examples),
    }
    if place is not None:
        start = place.file.position(place.start)
        shown |= {"path": place.file.path, "line": start.line, "column": start.column}
    return shown


def _sarif_result(found: "Misfit", place: Span | None, uri: str) -> Json:
    result: dict[str, Json] = {
        "ruleId": found.code,
        "level": "error",
        "message": {"text": f"{_message(found)} (such as {_examples(found)})"},
    }
    if place is not None:
        start = place.file.position(place.start)
        physical: dict[str, Json] = {
            "artifactLocation": {"uri": f"{uri}/{place.file.path}"},
            "region": {"startLine": start.line, "startColumn": start.column},
        }
        result["locations"] = [{"physicalLocation": physical}]
    return result


def _place(found: "Misfit", places: _Places) -> Span | None:
    """Where the attribute is declared, else what it would be of; None where nothing declares that any more."""
    return places.get((found.name, found.attribute)) or places.get((found.name, _NOWHERE))


def _places(texts: Mapping[str, str]) -> _Places:
    return dict(place for tree in examine(read(texts)).trees for place in _declared(tree))


def _declared(tree: File) -> Iterator[tuple[tuple[str, str], Span]]:
    for statement in tree.statements:
        match statement:
            case TypeDeclaration(name, attributes):
                yield (name.text, _NOWHERE), name.span
                yield from (((name.text, each.name.text), each.name.span) for each in attributes)
            case RoleDeclaration(name) | StoredRelation(name):
                yield (f"{tree.module.text}.{name.text}", _NOWHERE), name.span
