"""The settings of a service, wherever they were read; that `service.configuring` does."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork

from service.break_glass_settings import BreakGlassSettings
from service.certificate_settings import CertificateSettings
from service.enforcement_settings import EnforcementSettings
from service.errors import ConfigError
from service.http_settings import HttpSettings
from service.issuer_settings import IssuerSettings
from service.log_reading_settings import LogReadingSettings
from service.partition_settings import PartitionSettings
from service.pool_settings import PoolSettings
from service.rate_settings import RatesSettings
from service.record_settings import RecordSettings
from service.retention_settings import RetentionSettings
from service.shadow_settings import ShadowSettings
from service.socket_settings import SocketSettings
from service.source_settings import SOURCE_NAME, SourceSettings
from service.tls_settings import TlsSettings
from service.tracing_settings import TracingSettings
from service.transfer_settings import TransferSettings


class PepperSettings(BaseModel):
    """A secret under which the service keeps the MACs of API keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="names it in the database")
    file: Path = Field(description="a file with 32 bytes or more, for its owner alone")


class Limits(BaseModel):
    """The doors' limits; an error names the one that is exceeded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message_bytes: int = Field(default=1 << 20, ge=1024, le=1 << 26, description="bytes in one request")
    batch_checks: int = Field(default=100, ge=1, le=1000, description="checks in one batch")
    batch_writes: int = Field(default=1000, ge=1, le=1000, description="writes of facts in one batch")
    watches: int = Field(default=100, ge=1, le=10_000, description="watches of the facts at a time, per worker")
    stream_checks: int = Field(
        default=64, ge=1, le=1000, description="checks of one stream that are read and not answered"
    )
    pending_requests: int = Field(
        default=40,
        ge=1,
        le=10_000,
        description="calls that wait to be taken up, per worker; more are shed, as CANCELLED",
    )
    connections: int = Field(default=1000, ge=1, le=100_000, description="connections at a time, per worker")
    concurrent_streams: int = Field(
        default=256, ge=1, le=100_000, description="calls under way on one connection; its client keeps more back"
    )
    wait_seconds: float = Field(
        default=10.0, ge=0.05, le=600, description="seconds that a check may wait for facts, whatever its deadline"
    )
    attributes: int = Field(default=64, ge=1, le=1000, description="attributes of one entity, or fields of a context")
    parents: int = Field(default=64, ge=1, le=1000, description="parents of one entity")
    token_bytes: int = Field(default=8192, ge=256, le=1 << 16, description="bytes in one token")
    failed_authentications: int = Field(
        default=60, ge=1, le=1_000_000, description="calls a minute that one peer may fail to authenticate, per worker"
    )
    clock_skew_seconds: int = Field(default=30, ge=0, le=300, description="tolerance for exp, nbf and iat")


class SpoolSettings(BaseModel):
    """The record's first stop."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    durability: Literal["process", "disk"] = Field(
        default="process", description="what an answered record survives: the death of every process, or of the machine"
    )
    segment_bytes: int = Field(default=64 << 20, ge=4096, description="a segment is closed past this size")
    segment_seconds: float = Field(default=300.0, ge=1, le=86_400, description="a segment is closed past this age")
    max_bytes: int = Field(default=4 << 30, ge=16384, description="the spool refuses past this size")
    min_free_bytes: int = Field(default=64 << 20, ge=0, description="the spool refuses below this room on its disk")
    when_full: Literal["refuse", "continue"] = Field(
        default="refuse", description="answer UNAVAILABLE, or answer unrecorded and count"
    )


class Settings(BaseModel):
    """Everything that `serve` can be told."""

    # Its validator is built where it is first used: who reads settings has one of its own.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    policies: Path = Field(default=Path("policies"), description="the folder of policy files")
    policies_source: Literal["folder", "store"] = Field(
        default="folder", description="where policies come from: the folder, or the database, where they are pushed to"
    )
    bundle_keys: list[Path] = Field(
        default=[], description="PEM files with the Ed25519 public keys that pushed policies must be signed by"
    )
    data: Path = Field(default=Path(".magistrate"), description="the service's own folder: databases, spool, dev keys")
    database: str = Field(default="", description="URL of the facts; SQLite in the data folder when empty")
    pool: PoolSettings = Field(default=PoolSettings(), description="how each worker reads the facts on PostgreSQL")
    log_database: str = Field(default="", description="URL of the decision log; SQLite in the data folder when empty")
    feed_url: str = Field(
        default="", description="URL for the change feed, where that of the facts leads to a pooler; theirs when empty"
    )
    feed_listens: bool = Field(
        default=True, description="hear of changes by LISTEN; without, PostgreSQL is asked 20 times a second"
    )
    max_staleness: float = Field(
        default=10.0, ge=1, le=86_400, description="seconds that answers are given after the change feed was lost"
    )
    cache_entries: int = Field(
        default=50_000, ge=0, le=10_000_000, description="facts of each kind that a worker keeps in memory; 0: none"
    )
    grpc: str = Field(default="127.0.0.1:7080", description="where the gRPC door listens: HOST:PORT or unix:PATH")
    grpc_mtls: str = Field(
        default="", description="where the gRPC door listens for client certificates; nowhere when empty"
    )
    tls: TlsSettings | None = Field(default=None, description="the certificate that doors show; plain text without")
    plaintext: bool = Field(
        default=False, description="speak plain text to other machines, where a proxy or a mesh ends TLS"
    )
    sockets: SocketSettings = Field(default=SocketSettings(), description="who may connect to Unix sockets")
    http: str = Field(default="", description="where the HTTP door listens (AuthZEN); nowhere when empty")
    replica_id: str = Field(
        default="local", pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="names this replica's spool"
    )
    dev: bool = Field(default=False, description="trust a key pair made in the data folder")
    workers: int = Field(default=1, ge=1, le=64, description="how many processes answer")
    ops: str = Field(default="127.0.0.1:7081", description="where the ops port listens: health, readiness, metrics")
    max_connection_age: float = Field(
        default=300.0, ge=1, le=86_400, description="seconds until a connection is asked to end, so that load spreads"
    )
    watch_seconds: float = Field(
        default=1.0, ge=0.05, le=3600, description="how often policy files and key files are looked at"
    )
    key_refetch_seconds: float = Field(
        default=10.0, ge=0.05, le=3600, description="an issuer is asked for a key that a token names once in so long"
    )
    hung_seconds: float = Field(
        default=30.0, ge=2, le=3600, description="a process that says nothing for so long is ended, and started again"
    )
    drain_delay_seconds: float = Field(
        default=0.0, ge=0, le=300, description="how long it answers on after it says that it is not ready"
    )
    drain_seconds: float = Field(default=5.0, ge=0, le=300, description="how long calls in flight may finish")
    trusted_proxies: list[IPvAnyNetwork] = Field(
        default=[], description="addresses or networks of proxies, whose word counts for whom they forward"
    )
    issuers: list[IssuerSettings] = Field(default=[], description="whose tokens are trusted")
    certificates: CertificateSettings | None = Field(
        default=None, description="what the door for client certificates shows, and whom they name"
    )
    sources: dict[Annotated[str, Field(pattern=SOURCE_NAME)], SourceSettings] = Field(
        default={}, description="tables of the application that hold types, roles and relations, by a name"
    )
    peppers: list[PepperSettings] = Field(
        default=[], description="secrets for API keys; new keys go under the first, and old ones stay good while listed"
    )
    checkpoint_key: Path | None = Field(
        default=None, description="a PEM file with the Ed25519 private key that signs checkpoints, for its owner alone"
    )
    checkpoint_file: Path | None = Field(
        default=None, description="where checkpoints are kept outside the database; in the data folder when not given"
    )
    checkpoint_seconds: float = Field(
        default=60.0, ge=0.05, le=86_400, description="how often a checkpoint of the record's chains is written"
    )
    retention: RetentionSettings = RetentionSettings()
    log_reading: LogReadingSettings = Field(
        default=LogReadingSettings(), description="how the log is read for those who audit it"
    )
    http_door: HttpSettings = HttpSettings()
    limits: Limits = Limits()
    rates: RatesSettings = Field(default=RatesSettings(), description="what each caller may do in a time")
    spool: SpoolSettings = SpoolSettings()
    transfers: TransferSettings = TransferSettings()
    tracing: TracingSettings = Field(default=TracingSettings(), description="which calls are traced, and where to")
    partitions: PartitionSettings = PartitionSettings()
    record: RecordSettings = RecordSettings()
    enforcement: EnforcementSettings = EnforcementSettings()
    shadow: ShadowSettings = ShadowSettings()
    break_glass: BreakGlassSettings = BreakGlassSettings()

    @property
    def mutual_tls(self) -> CertificateSettings | None:
        """The settings of client certificates, None where none are accepted; ConfigError where they are lacking."""
        if not self.grpc_mtls:
            return None
        if self.certificates is None:
            raise ConfigError(
                "`grpc_mtls` is set and `certificates` is not"
                "\nhelp: name certificate_file, key_file and client_ca_file under [certificates]"
            )
        return self.certificates

    @property
    def candidate_folder(self) -> Path | None:
        """The folder of candidate policies, None where there is none; ConfigError where it would be ignored."""
        if self.shadow.policies is not None and self.policies_source == "store":
            raise ConfigError("`shadow.policies` is for policies in a folder\nhelp: `magistrate policy shadow DIGEST`")
        return self.shadow.policies

    @property
    def database_url(self) -> str:
        """URL of the facts."""
        return self.database or f"sqlite:///{self.data / 'facts.db'}"

    @property
    def log_database_url(self) -> str:
        """URL of the decision log."""
        return self.log_database or f"sqlite:///{self.data / 'log.db'}"

    @property
    def retention_database_url(self) -> str:
        """URL of the decision log for who takes records out of it."""
        return self.retention.log_database or self.log_database_url

    @property
    def checkpoints_path(self) -> Path:
        """The file of checkpoints."""
        return self.checkpoint_file or self.data / "checkpoints.jsonl"

    @property
    def spool_folder(self) -> Path:
        """The folder of this replica's spool."""
        return self.data / "spool" / self.replica_id

    @property
    def stated_file(self) -> Path:
        """The file with the digest of what this replica stated last about the keeping of records."""
        return self.data / "stated" / self.replica_id

    @property
    def transfer_folder(self) -> Path:
        """The folder of this replica's imports and exports while they are under way."""
        return self.data / "transfers" / self.replica_id
