"""What the files under deploy/ say is what the service knows: settings, commands, paths, ports, users, seconds."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import click
import pytest
import yaml

from policy_lang.types import Json
from service.cli import main
from service.config import Settings
from service.configuring import load_settings
from service.runtime.address import parse_address
from service.runtime.listening import doors
from service.runtime.service import SHIP_SECONDS, STOP_MARGIN
from service.runtime.status import routes

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
UNIT = (DEPLOY / "systemd/magistrate.service").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
KUBERNETES = [
    each for file in sorted(DEPLOY.glob("kubernetes/**/*.yaml")) for each in yaml.safe_load_all(file.read_text())
]
TEXTS = [DOCKERFILE, UNIT, *(file.read_text() for kind in ("yaml", "toml") for file in DEPLOY.glob(f"**/*.{kind}"))]
VARIABLE = re.compile(r"\bMAGISTRATE_([A-Z_]+)\b")
UID = 10001
HTTP = 7082
"""The port of the HTTP door in the documents; by default it listens nowhere."""
NOT_SETTINGS = {"CONFIG"}
"""Variables of commands that are no settings."""


def of_kind(kind: str) -> list[dict[str, Json]]:
    """The objects of Kubernetes of that kind."""
    return [each for each in KUBERNETES if each["kind"] == kind]


def at(value: Json, *steps: str | int) -> Json:
    """What stands there."""
    for step in steps:
        match value, step:
            case dict(), str():
                value = value[step]
            case list(), int():
                value = value[step]
            case _:
                raise AssertionError(f"there is no `{step}` in {value}")
    return value


STATEFUL = of_kind("StatefulSet")[0]
POD = at(STATEFUL, "spec", "template", "spec")
JOB_POD = at(of_kind("Job")[0], "spec", "template", "spec")
CONTAINERS = [at(pod, "containers", 0) for pod in (POD, JOB_POD)]


@dataclass(frozen=True, slots=True)
class Told:
    """The settings of one kind of deployment, and how many seconds it gives a service to stop."""

    settings: Settings
    seconds: float


def seconds(text: object) -> float:
    """A duration of compose."""
    return float(str(text).removesuffix("s"))


def settings_in(text: str, folder: Path) -> Settings:
    """What `serve` would read of that TOML."""
    (folder / "magistrate.toml").write_text(text)
    return load_settings(folder / "magistrate.toml", {})


@pytest.fixture
def told(tmp_path: Path) -> Mapping[str, Told]:
    """What compose and Kubernetes say."""
    (config,) = (text for each in of_kind("ConfigMap") if isinstance(text := at(each, "data", "magistrate.toml"), str))
    grace = at(POD, "terminationGracePeriodSeconds")
    assert isinstance(grace, int)
    return {
        "compose": Told(
            settings_in((DEPLOY / "compose/config/magistrate.toml").read_text(), tmp_path),
            seconds(COMPOSE["x-replica"]["stop_grace_period"]),
        ),
        "kubernetes": Told(settings_in(config, tmp_path), grace),
    }


def test_every_variable_is_a_setting() -> None:
    named = {name for text in TEXTS for name in VARIABLE.findall(text)}
    assert {"DATABASE", "LOG_DATABASE", "REPLICA_ID", "DATA"} <= named
    settings = {name.upper() for name in Settings.model_fields}
    assert {name for name in named if name.partition("__")[0] not in settings} == NOT_SETTINGS


def commands() -> Iterator[list[str]]:
    """The arguments that `magistrate` is given anywhere."""
    entry, started = (re.search(rf"^{name} (\[.*\])$", DOCKERFILE, re.MULTILINE) for name in ("ENTRYPOINT", "CMD"))
    assert entry and started and yaml.safe_load(entry[1]) == ["magistrate"], "in the form that starts no shell"
    yield yaml.safe_load(started[1])
    yield from (service["command"] for service in COMPOSE["services"].values() if service["image"] == "magistrate")
    for container in CONTAINERS:
        arguments = at(container, "args")
        assert isinstance(arguments, list)
        yield [str(each) for each in arguments]
    yield re.findall(r"^ExecStart=/opt/magistrate/bin/magistrate (.*)$", UNIT, re.MULTILINE)[0].split()


@pytest.mark.parametrize("arguments", list(commands()), ids=" ".join)
def test_every_command_is_one_and_takes_its_options(arguments: list[str]) -> None:
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group):
        _, found, arguments = command.resolve_command(context, arguments)
        assert found is not None
        command, context = found, click.Context(found, parent=context)
    known = {option for parameter in command.params for option in parameter.opts}
    assert {each for each in arguments if each.startswith("-")} <= known


def test_the_settings_are_those_of_a_service_that_may_start(told: Mapping[str, Told]) -> None:
    for name, each in told.items():
        where = {setting: str(place) for setting, place in doors(each.settings).items()}
        assert where == {"grpc": "0.0.0.0:7080", "http": "0.0.0.0:7082"}, name


def test_ports_are_those_that_the_service_has_by_default(told: Mapping[str, Told]) -> None:
    ports = {name: parse_address(str(Settings.model_fields[name].default)).port for name in ("grpc", "ops")}
    exposed = re.findall(r"^EXPOSE (.*)$", DOCKERFILE, re.MULTILINE)
    assert exposed == [f"{ports['grpc']} {ports['ops']} {HTTP}"]
    opened = at(CONTAINERS[0], "ports")
    assert isinstance(opened, list)
    assert {str(at(port, "name")): at(port, "containerPort") for port in opened} == {**ports, "http": HTTP}
    for each in told.values():
        assert {name: parse_address(getattr(each.settings, name)).port for name in ports} == ports


def _not_asked(*_: object) -> NoReturn:
    raise AssertionError("only the paths are looked at")


def test_probes_ask_paths_that_the_ops_port_has() -> None:
    paths = routes(_not_asked, _not_asked).keys()
    probes = {
        probe: at(CONTAINERS[0], probe, "httpGet") for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert {probe: (at(found, "path"), at(found, "port")) for probe, found in probes.items()} == {
        "startupProbe": ("/healthz", "ops"),
        "livenessProbe": ("/healthz", "ops"),
        "readinessProbe": ("/readyz", "ops"),
    }
    asked = re.findall(r"http://127\.0\.0\.1:7081(/\w+)", " ".join(COMPOSE["x-replica"]["healthcheck"]["test"]))
    assert asked == ["/readyz"]
    assert {"/healthz", "/readyz"} <= paths


def test_a_service_has_the_time_to_drain_and_to_ship_its_record(told: Mapping[str, Told]) -> None:
    for name, each in told.items():
        needed = each.settings.drain_delay_seconds + each.settings.drain_seconds + STOP_MARGIN + SHIP_SECONDS
        assert needed < each.seconds, name
    stop = re.search(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)
    default = Settings.model_fields["drain_seconds"].default
    assert stop and float(stop[1]) > default + STOP_MARGIN + SHIP_SECONDS


def test_a_reload_that_comes_too_early_is_a_restart() -> None:
    assert re.findall(r"^RestartForceExitStatus=(.*)$", UNIT, re.MULTILINE) == ["SIGHUP"]


def test_nobody_is_root_and_everybody_has_one_number() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == [f"{UID}:{UID}"]
    assert {service["user"] for service in COMPOSE["services"].values() if "user" in service} == {f"{UID}:{UID}"}
    for pod in (POD, JOB_POD):
        security = at(pod, "securityContext")
        assert isinstance(security, dict)
        assert (security["runAsNonRoot"], security["runAsUser"], security["runAsGroup"]) == (True, UID, UID)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert re.findall(r"^User=(.*)$", UNIT, re.MULTILINE) == ["magistrate"]


def test_who_migrates_needs_no_account_that_is_made_after_it() -> None:
    assert at(POD, "serviceAccountName") == at(of_kind("ServiceAccount")[0], "metadata", "name")
    assert isinstance(JOB_POD, dict)
    assert "serviceAccountName" not in JOB_POD


def test_nothing_can_be_written_but_the_data_and_tmp() -> None:
    for service in COMPOSE["services"].values():
        if service["image"] == "magistrate":
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
            written = [each.split(":")[1] for each in service["volumes"] if not each.endswith(":ro")]
            assert written in ([], ["/var/lib/magistrate"])
    for container in CONTAINERS:
        assert at(container, "securityContext") == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        mounts = at(container, "volumeMounts")
        assert isinstance(mounts, list)
        written = [str(at(each, "mountPath")) for each in mounts if isinstance(each, dict) and "readOnly" not in each]
        assert sorted(written) == ["/tmp", "/var/lib/magistrate"]


def test_each_replica_has_a_name_and_a_spool_of_its_own() -> None:
    replicas = [service for service in COMPOSE["services"].values() if service.get("command") == ["serve"]]
    assert len({each["environment"]["MAGISTRATE_REPLICA_ID"] for each in replicas}) == len(replicas) == 2
    assert len({each["volumes"][-1] for each in replicas}) == 2
    environment = at(CONTAINERS[0], "env")
    assert isinstance(environment, list)
    named = {str(at(each, "name")): at(each, "valueFrom") for each in environment}
    assert named["MAGISTRATE_REPLICA_ID"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    assert at(STATEFUL, "spec", "volumeClaimTemplates", 0, "metadata", "name") == "data"


def test_the_network_policy_lets_out_to_all_that_the_service_reaches() -> None:
    collector = re.search(r'^endpoint = "http://127\.0\.0\.1:(\d+)"$', (ROOT / "docs/operations.md").read_text(), re.M)
    assert collector is not None
    let_out = at(of_kind("NetworkPolicy")[0], "spec", "egress")
    assert isinstance(let_out, list)
    opened = [at(rule, "ports") for rule in let_out]
    ports = {at(port, "port") for each in opened if isinstance(each, list) for port in each}
    assert ports == {53, 443, 5432, int(collector[1])}


def test_selectors_find_the_pods() -> None:
    labels = at(STATEFUL, "spec", "template", "metadata", "labels")
    for kind, steps in {
        "StatefulSet": ("selector", "matchLabels"),
        "Service": ("selector",),
        "PodDisruptionBudget": ("selector", "matchLabels"),
        "NetworkPolicy": ("podSelector", "matchLabels"),
    }.items():
        found = [at(each, "spec", *steps) for each in of_kind(kind)]
        assert found == [labels] * len(found) != [], kind
    assert at(STATEFUL, "spec", "serviceName") in [at(each, "metadata", "name") for each in of_kind("Service")]


def test_the_image_is_built_of_what_the_wheel_is_made_of() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    let_in = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert set(let_in) == {
        "pyproject.toml",
        project["project"]["readme"],
        *project["project"]["license-files"],
        *packages,
    }
    assert all((ROOT / each).exists() for each in let_in)
    stages = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert stages == ["${PYTHON}", "${PYTHON}"], "an environment is copied between stages of one base"
