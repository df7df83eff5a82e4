"""Checks the settings of a service as its start would: files, keys, policies, databases, mapped tables."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from policy_lang.counts import counted
from policy_lang.diagnostics import PolicyError
from policy_lang.schema import Schema
from service.app.checkpointing import check_checkpoint_file, load_checkpoint_key
from service.app.recording import build_contents
from service.app.traces import load_tracing
from service.authn.api_keys.peppers import load_peppers
from service.authn.issuers import check_issuers
from service.authn.key_files import load_keys
from service.authn.tls_files import load_tls_files, load_tls_pair
from service.config import Settings
from service.configuring import NEARLY, check_variables
from service.db.engine import Database
from service.db.migration import State, status
from service.db.opening import open_database, parse_url
from service.db.versions import Kind
from service.entities.mapped.source import MappedSource
from service.errors import ConfigError, MagistrateError, SchemaOutdated
from service.policies.folder import load_bundle
from service.policies.signing import Signatures
from service.runtime.address import parse_address
from service.runtime.listening import doors


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check came to: what was found, or what is wrong; a start goes on by a warning."""

    subject: str
    is_sound: bool
    said: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Warned:
    """What a check warns of."""

    said: str


def check_settings(settings: Settings, *, connects: bool) -> Iterator[Finding]:
    """What each check comes to, one after the other; without `connects` none that asks a database."""
    checks = {**CHECKS, **CONNECTING} if connects else CHECKS
    for subject, check in checks.items():
        try:
            said = check(settings)
        except (MagistrateError, PolicyError) as error:
            yield Finding(subject, is_sound=False, said=str(error))
        else:
            warned = isinstance(said, Warned)
            yield Finding(
                subject, is_sound=True, said=said.said if isinstance(said, Warned) else said, is_warning=warned
            )


def _environment(_: Settings) -> str:
    return counted(check_variables(NEARLY), "setting")


def _addresses(settings: Settings) -> str:
    places = {**doors(settings), "ops": parse_address(settings.ops)}
    return ", ".join(f"{setting} on {place}" for setting, place in places.items())


def _tls(settings: Settings) -> str:
    if settings.tls is None:
        return "plain text, where TLS ends before it" if settings.plaintext else "none: on this machine alone"
    ends = datetime.fromtimestamp(load_tls_pair(settings.tls).expires, UTC)
    if ends <= datetime.now(UTC):
        raise ConfigError(f"the certificate in `{settings.tls.certificate_file}` expired at {ends.isoformat()}")
    return f"the certificate in `{settings.tls.certificate_file}`, which expires at {ends.isoformat()}"


def _issuers(settings: Settings) -> str:
    if settings.dev and settings.issuers:
        raise ConfigError("`dev` trusts a key pair of its own\nhelp: take away the issuers, or `--dev`")
    if settings.dev:
        return "a key pair of its own (dev): for trying only"
    check_issuers(settings.issuers)
    for issuer in settings.issuers:
        if not issuer.has_remote_keys:
            load_keys(issuer)
        if issuer.introspection is not None:
            # Here, for it loads an HTTP client, which nothing else here needs.
            from service.authn.introspection import secret_in

            secret_in(issuer.introspection.client_secret_file)
    remote = sum(issuer.has_remote_keys for issuer in settings.issuers)
    asked = "; `magistrate issuer check` asks those on the network for their keys" if remote else ""
    return counted(len(settings.issuers), "issuer") + asked


def _certificates(settings: Settings) -> str:
    certificates = settings.mutual_tls
    if certificates is None:
        return "no door for client certificates"
    load_tls_files(certificates)
    return f"client certificates on {settings.grpc_mtls}"


def _secrets(settings: Settings) -> str:
    load_peppers(settings.peppers, dev_folder=None)
    signs = "signed" if load_checkpoint_key(settings) else "not signed: `checkpoint_key` is not set"
    return f"{counted(len(settings.peppers), 'pepper')}; checkpoints are {signs}"


def _checkpoints(settings: Settings) -> str:
    check_checkpoint_file(settings)
    return f"every {settings.checkpoint_seconds:g} s into `{settings.checkpoints_path}`"


def _policies(settings: Settings) -> str:
    Signatures.of(settings.bundle_keys)
    if settings.policies_source == "store":
        return f"pushed to the database, with {counted(len(settings.bundle_keys), 'key')} to be signed by"
    bundle = load_bundle(settings.policies)
    return f"{counted(len(bundle.files), 'file')} in `{settings.policies}`, {bundle.digest[:12]}"


def _record(settings: Settings) -> str:
    contents = build_contents(settings.record)
    named = f"{counted(len(settings.record.mask), 'mask')}, found by {counted(len(settings.record.find_by), 'input')}"
    if settings.policies_source == "store":
        return f"{named}, checked when policies are put in force"
    if settings.record.mask or settings.record.find_by:
        contents.check(load_bundle(settings.policies).program.schema)
    return named


def _enforcement(settings: Settings) -> str | Warned:
    if not settings.enforcement.is_log_only:
        return "every decision"
    said = settings.enforcement.warning
    if settings.policies_source == "folder":
        known = load_bundle(settings.policies).program.schema.types
        unknown = [name for name in settings.enforcement.types if name not in known]
        if unknown:
            said += f"\nhelp: the policies have no type {', '.join(f'`{name}`' for name in unknown)}"
    return Warned(said)


def _candidate(settings: Settings) -> str:
    folder = settings.candidate_folder
    if folder is None:
        return "none is tried out by the settings"
    return f"{load_bundle(folder).digest[:12]} in `{folder}` is tried out"


def _facts(settings: Settings) -> str:
    if settings.feed_url:
        parse_url(settings.feed_url)
    return _database(settings.database_url, "facts")


def _log(settings: Settings) -> str:
    return _database(settings.log_database_url, "log")


def _database(url: str, kind: Kind) -> str:
    with _opened(url) as database:
        found = status(database, kind)
        if found.state is State.NEWER or (found.state is not State.CURRENT and not database.is_embedded):
            has = found.found or "no tables"
            raise SchemaOutdated(
                f"the {kind} database {database.name} has {has}, this version wants {found.known}"
                "\nhelp: `magistrate db migrate` brings it up to date"
            )
        made = {State.ABSENT: "which `serve` makes", State.OLDER: "which `serve` brings up to date"}
        return f"{database.name}, {made.get(found.state, 'up to date')}"


def _sources(settings: Settings) -> str:
    if not settings.sources:
        return "none"
    if settings.policies_source == "store":
        return f"{counted(len(settings.sources), 'source')}, checked when policies are put in force"
    schema = load_bundle(settings.policies).program.schema
    faults = [fault for name in settings.sources for fault in _faults_of(settings, name, schema)]
    if faults:
        raise ConfigError("\n".join(faults))
    return counted(len(settings.sources), "source")


def _faults_of(settings: Settings, name: str, schema: Schema) -> Iterator[str]:
    source = settings.sources[name]
    with _opened(source.database or settings.database_url) as database:
        try:
            MappedSource(name, source, database).plan(schema)
        except MagistrateError as error:
            yield str(error)


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    database = open_database(url)
    try:
        yield database
    finally:
        database.close()


def _tracing(settings: Settings) -> str:
    if not settings.tracing.endpoint:
        return "no calls"
    load_tracing(settings.tracing)
    return f"{settings.tracing.ratio:.2%} of calls, and those of callers that are traced"


Check = Callable[[Settings], str | Warned]

CHECKS: Final[Mapping[str, Check]] = {
    "environment": _environment,
    "addresses": _addresses,
    "tls": _tls,
    "issuers": _issuers,
    "certificates": _certificates,
    "secrets": _secrets,
    "checkpoints": _checkpoints,
    "policies": _policies,
    "record": _record,
    "enforcement": _enforcement,
    "candidate": _candidate,
    "tracing": _tracing,
}
"""What can be told from files alone."""
CONNECTING: Final[Mapping[str, Check]] = {"facts": _facts, "log": _log, "sources": _sources}
"""What asks a database."""
