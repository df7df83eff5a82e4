"""Imports on the database itself, on the service's host, held to the policies that the service decides by."""

from functools import partial
from typing import BinaryIO, Final

import click

from policy_lang.bundle import Bundle
from service.config import Settings
from service.db.engine import Database
from service.desk import awaited
from service.entities.elsewhere import Elsewhere
from service.entities.imported import Asked, Imported
from service.entities.importer import Importer, Listener
from service.errors import ActivationUnderWay
from service.policies.folder import load_bundle
from service.policies.in_force import StoredInForce

STORE: Final = ("policies", "policies_source", "data", "database", "log_database", "replica_id")
"""The settings that say what facts these are, by what policies, and where it is recorded."""
PATIENCE_SECONDS: Final = 120.0
"""How long an activation that is under way is waited for: longer than any takes."""


def bundle_in_force(settings: Settings, database: Database) -> Bundle:
    """The policies of the folder, or those in force in the store; NoPolicies, BundleRefused, DeadlineExceeded."""
    if settings.policies_source != "store":
        return load_bundle(settings.policies)
    why = "other policies are being put in force, and that did not end in time"
    return awaited(StoredInForce(database).settled, PATIENCE_SECONDS, why)


def imported_here(settings: Settings, database: Database, file: BinaryIO, asked: Asked, listener: Listener) -> Imported:
    """What an import came to; where other policies come into force meanwhile it is done again, by these."""
    elsewhere = Elsewhere(settings.sources)
    while True:
        bundle = bundle_in_force(settings, database)
        if settings.policies_source == "store":
            approve = partial(StoredInForce(database).require, digest=bundle.digest)
            listener = Listener(listener.read, listener.writes, approve)
        try:
            return Importer(database, bundle.program.schema, elsewhere=elsewhere).run(file, asked, listener)
        except ActivationUnderWay:
            if not file.seekable():
                raise
            click.echo("other policies came into force meanwhile: once more, by these", err=True)
            file.seek(0)
