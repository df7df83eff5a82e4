"""Each alert has its section in the runbook, which names commands and events that are there; the files beside fit."""

import json
import re
from pathlib import Path

import click
import pytest
import yaml

from deploy.observability.generate_dashboard import FILE, dashboard
from service.cli import main

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))
PARTS = ["Means", "Callers feel", "Look", "Do", "Worry"]
COMMAND = re.compile(r"`magistrate ([a-z][^`]*)`")
EVENT = re.compile(r"`([a-z]+(?:[._ ][a-z_]+)?)` (?:in the log|or `[a-z._]+` in the log)|\"event\": \"(\w+)\"")


def alerts() -> dict[str, dict[str, object]]:
    written = yaml.safe_load((FILE.parent / "alerts.yaml").read_text())
    return {rule["alert"]: rule for group in written["groups"] for rule in group["rules"]}


def test_each_alert_has_its_section_and_each_section_its_alert() -> None:
    assert set(SECTIONS) == set(alerts())


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_says_all_that_one_needs_at_night(name: str) -> None:
    assert re.findall(r"^\*\*(.*?)\*\*", SECTIONS[name], re.MULTILINE) == PARTS


def test_each_alert_says_how_bad_it_is_what_it_is_and_where_to_read_on() -> None:
    for name, alert in alerts().items():
        labels, notes = alert["labels"], alert["annotations"]
        assert isinstance(labels, dict)
        assert isinstance(notes, dict)
        assert labels["severity"] in ("warning", "critical")
        assert notes["runbook_url"] == f"docs/runbook.md#{name.lower()}"
        assert notes["summary"]


def test_each_alert_is_tried_where_it_fires_and_where_it_is_quiet() -> None:
    tried = yaml.safe_load((FILE.parent / "alerts.test.yaml").read_text())["tests"]
    fires = {(rule["alertname"], bool(rule["exp_alerts"])) for each in tried for rule in each["alert_rule_test"]}
    assert fires == {(name, is_firing) for name in alerts() for is_firing in (True, False)}


@pytest.mark.parametrize("text", sorted(set(COMMAND.findall(RUNBOOK))))
def test_a_command_that_is_named_is_there(text: str) -> None:
    command: click.Command | None = main
    words = text.split()
    while isinstance(command, click.Group) and words:
        command = command.get_command(click.Context(command), words.pop(0))
    assert command is not None
    options = {name for each in command.params for name in each.opts}
    assert [word for word in words if word.startswith("--") and word not in options] == []


def test_the_events_that_are_named_are_logged() -> None:
    code = "".join(path.read_text() for path in (ROOT / "service").rglob("*.py"))
    events = {dotted or plain for dotted, plain in EVENT.findall(RUNBOOK)}
    assert len(events) >= 10
    assert sorted(event for event in events if f'"{event}"' not in code) == []


def test_the_links_within_the_runbook_lead_to_sections() -> None:
    anchors = set(re.findall(r"\]\(#(\w+)\)", RUNBOOK))
    assert anchors <= {name.lower() for name in SECTIONS}


def test_the_dashboard_is_what_its_list_makes() -> None:
    assert FILE.read_text() == dashboard()


def test_the_dashboard_has_a_row_for_each_thing_and_no_two_panels_in_one_place() -> None:
    panels = json.loads(FILE.read_text())["panels"]
    rows = [panel["title"] for panel in panels if panel["type"] == "row"]
    assert rows == [
        "Traffic", "Latency by stage", "Decisions", "Facts and feed", "Record", "Policies", "Authentication",
        "Processes",
    ]  # fmt: skip
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in panels}) == len(panels)
