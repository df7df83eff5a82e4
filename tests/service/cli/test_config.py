"""`magistrate config` shows each setting and who says it, hides passwords, and checks what a start would need."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from policy_lang.types import Json
from service.cli import main
from service.cli.config_show import DATABASES, redacted
from service.config import Settings
from service.configuring import NEARLY, SURELY, check_variables
from service.db.migration import migrate
from service.db.opening import open_database
from service.errors import ConfigError

POLICY = (
    "module m\nprincipal type User {}\ntype Thing {}\nactions Thing { see }\nrule r: allow see on Thing to anyone\n"
)
ISSUER = """
[[issuers]]
issuer = "https://id.example.com"
audience = ["magistrate"]
algorithms = ["HS256"]
secret_file = "{secret}"
principal_type = "User"
"""


def run(*arguments: str | Path, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, ["config", *map(str, arguments)], env=env)


def shown(*arguments: str | Path, env: dict[str, str] | None = None) -> dict[str, tuple[Json, str]]:
    rows = json.loads(run("show", "--output", "json", *arguments, env=env).stdout)
    return {row["setting"]: (row["value"], row["from"]) for row in rows}


@pytest.fixture
def sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration that a service can start by, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "m.policy").write_text(POLICY)
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 64)
    secret.chmod(0o600)
    file = tmp_path / "magistrate.toml"
    file.write_text(f"workers = 2\n{ISSUER.format(secret=secret)}\n[spool]\nmax_bytes = 1000000\n")
    return file


def test_every_setting_says_where_it_comes_from(sound: Path) -> None:
    env = {"MAGISTRATE_SPOOL__MAX_BYTES": "2000000", "MAGISTRATE_DATA": "elsewhere"}
    found = shown("--config", sound, env=env)
    assert found["workers"] == (2, "file")
    assert found["issuers.0.issuer"] == ("https://id.example.com", "file")
    assert found["spool.max_bytes"] == (2_000_000, "MAGISTRATE_SPOOL__MAX_BYTES")
    assert found["data"] == ("elsewhere", "MAGISTRATE_DATA")
    assert found["grpc"] == ("127.0.0.1:7080", "default")
    assert {name.partition(".")[0] for name in found} == set(Settings.model_fields)
    changed = {name: each for name, each in found.items() if each[1] != "default"}
    assert shown("--config", sound, "--changed", env=env) == changed


TRUSTED = """
[certificates]
certificate_file = "door.pem"
key_file = "door.key"
client_ca_file = "ca.pem"
trust_domains = ["example.org"]
principals."spiffe://example.org/desk" = "User:desk"

[rates.issuers."https://id.example.com"]
per_minute = 600

[sources.hr]
database = "host=db password=geheim"
[sources.hr.types.User]
table = "people"
attributes.clearance = "level"
attributes.manager = { column = "boss", type = "User" }
"""


def test_what_a_name_with_dots_and_a_short_form_say_is_said_by_the_file(sound: Path) -> None:
    text = sound.read_text().replace("secret_file = ", 'secret_files."2026.01" = ')
    sound.write_text(text + TRUSTED)
    env = {"MAGISTRATE_SOURCES__HR__CACHE_ENTRIES": "7", "MAGISTRATE_TRUSTED_PROXIES": "[]"}
    assert shown("--config", sound, "--changed", env=env) == {
        "workers": (2, "file"),
        "issuers.0.issuer": ("https://id.example.com", "file"),
        "issuers.0.audience": (["magistrate"], "file"),
        "issuers.0.algorithms": (["HS256"], "file"),
        "issuers.0.secret_files.2026.01": (str(sound.parent / "secret"), "file"),
        "issuers.0.principal_type": ("User", "file"),
        "spool.max_bytes": (1_000_000, "file"),
        "certificates.certificate_file": ("door.pem", "file"),
        "certificates.key_file": ("door.key", "file"),
        "certificates.client_ca_file": ("ca.pem", "file"),
        "certificates.trust_domains": (["example.org"], "file"),
        "certificates.principals.spiffe://example.org/desk": ("User:desk", "file"),
        "rates.issuers.https://id.example.com.per_minute": (600, "file"),
        "sources.hr.database": ("(not shown)", "file"),
        "sources.hr.cache_entries": (7, "MAGISTRATE_SOURCES__HR__CACHE_ENTRIES"),
        "sources.hr.types.User.table": ("people", "file"),
        "sources.hr.types.User.attributes.clearance.column": ("level", "file"),
        "sources.hr.types.User.attributes.manager.column": ("boss", "file"),
        "sources.hr.types.User.attributes.manager.type": ("User", "file"),
        "trusted_proxies": ([], "MAGISTRATE_TRUSTED_PROXIES"),
    }


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:geheim@host:5432/db?sslmode=require", "postgresql://me:***@host:5432/db"),
        ("postgresql://me:ge%40heim@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me@host/db?password=geheim", "postgresql://me@host/db"),
        ("postgresql://host/db?user=me&password=geheim", "postgresql://host/db"),
        ("sqlite:////srv/a.db", "sqlite:////srv/a.db"),
        ("", ""),
        ("postgresql:/me:geheim@host/db", "(not shown)"),
        ("host=db user=me password=geheim", "(not shown)"),
        ("postgresql://host user=me password=geheim", "(not shown)"),
        ("postgresql://me:g@heim@host/db", "(not shown)"),
        ("postgresql://me:geheim/db", "(not shown)"),
        ("postgresql://m/e:geheim@host/db", "(not shown)"),
        ("me:geheim@host", "(not shown)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("setting", ["database", "log_database", "feed_url"])
def test_no_password_of_a_database_is_shown(setting: str, url: str, said: str) -> None:
    assert redacted(setting, url) == said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://id.example.com/keys", "https://id.example.com/keys"),
        ("https://geheim@collector:4318", "https://***@collector:4318"),
        ("https://me:ge/h?e#i@m@host/keys?key=geheim#geheim", "https://***@host/keys"),
        ("https://id.example.com/keys?key=geheim", "https://id.example.com/keys"),
        ("://geheim@", "://***@"),
        ("me@example.com", "me@example.com"),
    ],
)  # fmt: skip
def test_no_secret_of_another_url_is_shown(url: str, said: str) -> None:
    assert redacted("endpoint", url) == said
    assert redacted("endpoint", [url]) == [said]


def test_every_setting_of_a_database_is_known_as_one() -> None:
    schema = Settings.model_json_schema()
    tables = [schema, *schema["$defs"].values()]
    described = {name: field.get("description", "") for table in tables for name, field in table["properties"].items()}
    assert {name for name, text in described.items() if text.startswith("URL")} - {"endpoint"} == DATABASES


def test_what_is_sound_passes_and_nothing_is_made(sound: Path) -> None:
    result = run("check", "--config", sound)
    assert (result.exit_code, result.stderr) == (0, ""), result.stdout
    assert all(line.startswith("ok") for line in result.stdout.splitlines())
    assert not (sound.parent / ".magistrate").exists()


def test_everything_that_is_wrong_is_said_at_once(sound: Path) -> None:
    (sound.parent / "secret").chmod(0o644)
    (sound.parent / "policies" / "m.policy").write_text(POLICY.replace("on Thing", "on Thong"))
    result = run("check", "--config", sound, "--grpc", "nowhere", "--output", "json")
    said = {row["subject"]: row["said"] for row in json.loads(result.stdout) if not row["sound"]}
    assert result.exit_code == 1
    assert set(said) == {"addresses", "issuers", "policies"}
    assert "E202" in said["policies"]


@pytest.mark.parametrize(
    "endpoint",
    ["https://me:gehe/im@host", "https://me:gehe?im@host", "https://me:1#geheim@host", "https://me:geheim@:4318"],
)
def test_an_endpoint_that_cannot_be_read_is_refused_and_not_repeated(endpoint: str) -> None:
    result = run("show", env={"MAGISTRATE_TRACING__ENDPOINT": endpoint})
    assert (result.exit_code, result.stderr) == (
        2,
        "error: `tracing.endpoint`: is no URL of a host and a path; in a password `/` is `%2F`\n",
    )


def test_a_url_of_the_feed_that_is_not_understood_is_told(sound: Path) -> None:
    result = run("check", "--config", sound, "--output", "json", env={"MAGISTRATE_FEED_URL": "host=db password=geheim"})
    said = {row["subject"]: row["said"] for row in json.loads(result.stdout) if not row["sound"]}
    assert set(said) == {"facts"}
    assert said["facts"].startswith("the URL of a database is not understood")
    assert "geheim" not in result.output


def test_a_variable_that_is_nearly_a_setting_is_named(sound: Path) -> None:
    env = {"MAGISTRATE_WORKRES": "3", "MAGISTRATE_SERVICE_HOST": "10.0.0.1", "MAGISTRATE_TOKEN": "t"}
    lines = run("check", "--config", sound, "--offline", env=env).stdout.splitlines()
    assert lines[:2] == [
        "error environment: `MAGISTRATE_WORKRES` is no setting",
        "help: did you mean `MAGISTRATE_WORKERS`?",
    ]
    assert all(line.startswith("ok") for line in lines[2:])


def test_a_start_is_refused_for_a_variable_that_can_only_be_a_slip(sound: Path) -> None:
    env = {"MAGISTRATE_WORKRES": "3", "MAGISTRATE_DATABASE_PASSWORD": "p", "MAGISTRATE_CONFIG": str(sound)}
    result = CliRunner().invoke(main, ["serve"], env=env)
    assert (result.exit_code, result.stderr.splitlines()) == (
        2,
        ["error: `MAGISTRATE_WORKRES` is no setting", "help: did you mean `MAGISTRATE_WORKERS`?"],
    )


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("SPOOL_WHEN_FULL", "SPOOL__WHEN_FULL"),
        ("LIMITS_FAILED_AUTHENTICATIONS", "LIMITS__FAILED_AUTHENTICATIONS"),
        ("RECORD_MASK_KEY_FILE", "RECORD__MASK_KEY_FILE"),
        ("RATES_DEFAULT__PER_MINUTE", "RATES__DEFAULT__PER_MINUTE"),
        ("RETENTION_DEFAULT", "RETENTION__DEFAULT"),
        ("GRPC__MTLS", "GRPC_MTLS"),
        ("DATABASE__URL", "DATABASE"),
        ("DATA__FOO", "DATA"),
    ],
)
def test_a_variable_with_the_wrong_underscores_is_refused(
    monkeypatch: pytest.MonkeyPatch, slip: str, meant: str
) -> None:
    monkeypatch.setenv(f"MAGISTRATE_{slip}", "1")
    with pytest.raises(ConfigError) as refused:
        check_variables(SURELY)
    assert str(refused.value) == f"`MAGISTRATE_{slip}` is no setting\nhelp: did you mean `MAGISTRATE_{meant}`?"


@pytest.mark.parametrize(("service", "likeness"), [("", NEARLY), ("SPOOL_", SURELY)])
def test_the_variables_that_kubernetes_makes_of_a_service_are_let_be(
    monkeypatch: pytest.MonkeyPatch, service: str, likeness: float
) -> None:
    for made in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_GRPC", "PORT", "PORT_7081_TCP", "PORT_7081_TCP_ADDR"):
        monkeypatch.setenv(f"MAGISTRATE_{service}{made}", "10.0.0.1")
    monkeypatch.setenv("MAGISTRATE_SPOOL__WHEN_FULL", "continue")
    assert check_variables(likeness) == 1


@pytest.mark.parametrize(
    ("ca_file", "is_sound", "said"),
    [
        ("secret", True, "25.00% of calls, and those of callers that are traced"),
        ("absent.pem", False, "calls cannot be traced: `tracing.ca_file` is `absent.pem`, where no file is"),
    ],
)
def test_what_tracing_needs_is_checked(sound: Path, ca_file: str, *, is_sound: bool, said: str) -> None:
    sound.write_text(
        f'{sound.read_text()}\n[tracing]\nendpoint = "https://c.example.com"\nratio = 0.25\nca_file = "{ca_file}"\n'
    )
    rows = json.loads(run("check", "--config", sound, "--offline", "--output", "json").stdout)
    (found,) = [row for row in rows if row["subject"] == "tracing"]
    assert (found["sound"], found["said"]) == (is_sound, said)


@pytest.mark.parametrize(
    ("text", "subject", "said"),
    [
        (
            '[[record.mask]]\npath = "User.team"\nhow = "remove"',
            "record",
            "record.mask: the policies declare no `User.team`\nhelp: write `User.team?` if policies may lack it",
        ),
        (
            '[record]\nfind_by = ["User.team"]',
            "record",
            "record.find_by: the policies declare no `User.team`\nhelp: write `User.team?` if policies may lack it",
        ),
        (
            '[record]\nmask_key_file = "absent"\n[[record.mask]]\npath = "resource.title?"\nhow = "hash"',
            "record",
            "the key of hashed values `absent` cannot be read: no such file or directory",
        ),
        (
            '[issuers.introspection]\nurl = "https://a.example/ask"\nclient_id = "me"\nclient_secret_file = "absent"',
            "issuers",
            "the client's secret `absent` cannot be read: no such file or directory",
        ),
    ],
    ids=["mask", "find_by", "key of hashed values", "client secret"],
)
def test_what_a_start_refuses_is_found(sound: Path, text: str, subject: str, said: str) -> None:
    issuer, _, spool = sound.read_text().partition("[spool]")
    sound.write_text(f"{issuer}{text}\n[spool]{spool}")
    result = run("check", "--config", sound, "--offline", "--output", "json")
    faults = [(row["subject"], row["said"]) for row in json.loads(result.stdout) if not row["sound"]]
    assert (result.exit_code, faults) == (1, [(subject, said)])


def test_masks_of_pushed_policies_wait_for_them(sound: Path) -> None:
    mask = '[[record.mask]]\npath = "resource.titel"\nhow = "remove"\n'
    sound.write_text(f'policies_source = "store"\n{sound.read_text()}{mask}')
    rows = json.loads(run("check", "--config", sound, "--offline", "--output", "json").stdout)
    (said,) = [row["said"] for row in rows if row["subject"] == "record" and row["sound"]]
    assert said == "1 mask, found by 0 inputs, checked when policies are put in force"


@pytest.mark.parametrize(
    ("file", "is_sound"),
    [("new.jsonl", True), ("secret", True), ("absent/new.jsonl", False), ("policies", False)],
    ids=["not there yet", "there", "no folder", "a folder"],
)
def test_a_file_of_checkpoints_that_could_not_be_written_is_told(sound: Path, file: str, *, is_sound: bool) -> None:
    path = sound.parent / file
    env = {"MAGISTRATE_CHECKPOINT_FILE": str(path)}
    rows = json.loads(run("check", "--config", sound, "--offline", "--output", "json", env=env).stdout)
    assert [row["subject"] for row in rows if not row["sound"]] == ([] if is_sound else ["checkpoints"])
    assert not (sound.parent / "new.jsonl").exists()


def test_a_database_of_a_newer_version_is_told(sound: Path) -> None:
    settings = Settings(data=sound.parent / ".magistrate")
    settings.data.mkdir()
    database = open_database(settings.database_url)
    migrate(database, "facts")
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE magistrate_facts_version SET version_num = 'facts_9999'")
    database.close()
    assert run("check", "--config", sound).exit_code == 1
    assert run("check", "--config", sound, "--offline").exit_code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("polices = 'x'", "unknown setting `polices`\nhelp: did you mean `policies`?"),
        ("[spool]\nmax_byts = 3", "unknown setting `spool.max_byts`\nhelp: did you mean `max_bytes`?"),
        ("[pool]\nwating = 3", "unknown setting `pool.wating`\nhelp: did you mean `waiting`?"),
    ],
)  # fmt: skip
def test_an_unknown_setting_is_refused_with_what_was_meant(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "m.toml"
    file.write_text(text)
    result = run("show", "--config", file)
    assert (result.exit_code, result.stderr) == (2, f"error: {said}\n")


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("latin-1.toml", "`latin-1.toml` is not UTF-8 (byte 11)"),
        ("/proc/self/mem", "`/proc/self/mem` cannot be read: input/output error"),
    ],
)
def test_a_file_that_gives_no_text_is_refused(sound: Path, file: str, said: str) -> None:
    (sound.parent / "latin-1.toml").write_bytes("replica = 'é'".encode("latin-1"))
    result = run("show", "--config", file)
    assert (result.exit_code, result.stderr) == (2, f"error: {said}\n")
