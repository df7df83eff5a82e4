"""`magistrate data`: imports and exports facts, and reads and writes single ones."""

from collections.abc import Mapping
from typing import Final

import click

from service.cli.commands import Commands, Entry

COMMANDS: Final[Mapping[str, Entry]] = {
    "put": Entry("service.cli.facts:put", "Write an entity whole."),
    "get": Entry("service.cli.facts:get", "Show an entity, and the roles that it holds itself."),
    "delete": Entry("service.cli.facts:delete", "Delete an entity, with its role assignments and stored relations."),
    "list": Entry("service.cli.facts:list_", "List the entities of a type, in the order of their ids."),
    "assign": Entry("service.cli.facts:assign", "Assign ROLE to a principal, or to a team of principals."),
    "unassign": Entry("service.cli.facts:unassign", "Take ROLE away."),
    "roles": Entry("service.cli.facts:roles", "List role assignments."),
    "relate": Entry("service.cli.facts:relate", "Make a principal or team the RELATION of a resource."),
    "unrelate": Entry("service.cli.facts:unrelate", "Undo `relate`."),
    "relations": Entry("service.cli.facts:relations", "List the rows of stored relations."),
    "import": Entry("service.cli.data_import:import_", "Import FILE: JSON lines, one fact each; all of them, or none."),
    "export": Entry("service.cli.data_export:export", "Export every fact as JSON lines that import back equal."),
    "check-sources": Entry(
        "service.cli.data_sources:command", "Check the mapped sources on the host against the policies."
    ),
}


@click.group(cls=Commands, entries=COMMANDS)
def command() -> None:
    """Write and read the facts that policies decide on.

    Everything asks the service, which holds the caller to its roles and records what it does. `import` and `export`
    without a service or a token work on the database itself, on the service's host: whoever holds it may, and is
    recorded as `operator:<user>`.
    """
