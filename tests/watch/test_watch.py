"""Rules, alerts, dashboards and runbooks are up to date with the code and name what exists."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

import tasks.metrics  # noqa: F401  (its metrics, and the workers', are in the registry then)
import workers.metrics  # noqa: F401
from deploy.cli.health import EXIT_CODES
from deploy.watch.alerts import alert_rules, rule_groups
from deploy.watch.dashboards import DASHBOARDS
from deploy.watch.make import FOLDER, files
from deploy.watch.panels import dashboard
from tests.architecture.tree import ROOT
from tests.services import plan
from tests.services.missing import require_program
from tests.services.pages import Machine, commands
from tests.services.running.stack import Stack
from web.app import create_app

RUNBOOKS = ROOT / "docs" / "runbooks"
_METRIC = re.compile(r"\bmaitred_[a-z_]+\b")


def expressions() -> Iterator[tuple[str, str]]:
    """Yield (place, expression) of every PromQL expression."""
    for group in rule_groups()["groups"]:
        for rule in group["rules"]:
            yield rule.get("alert", rule.get("record")), rule["expr"]
    for name in DASHBOARDS:
        for panel in dashboard(name, *DASHBOARDS[name])["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']}", target["expr"]


def test_the_committed_files_are_those_that_the_code_makes() -> None:
    for path, text in files().items():
        assert path.read_text(encoding="utf-8") == text, f"python -m deploy.watch.make ({path})"
    made = {path for path in files() if path.suffix == ".json"}
    assert set((FOLDER / "grafana" / "dashboards").glob("*.json")) == made
    said = "the rules that fire here, as a PrometheusRule; who is told is the cluster's to say"
    plan.prove(line="alerts", target="kubernetes", how="rendered", figure=said)
    said = "PodMonitors; the dashboards are imported by hand"
    plan.prove(line="metrics", target="kubernetes", how="rendered", figure=said)


def test_every_metric_that_is_named_exists(db: Engine) -> None:
    scraped = create_app().test_client().get("/metrics").text
    known = {family.name for family in text_string_to_metric_families(scraped)}
    known |= {family.name for family in REGISTRY.collect()}
    suffixes = ("_total", "_bucket", "_count", "_sum")
    for where, expression in expressions():
        for metric in _METRIC.findall(expression):
            base = next((metric.removesuffix(end) for end in suffixes if metric.endswith(end)), "")
            assert metric in known or base in known, f"{where} names {metric}"


def test_promtool_takes_the_rules_and_they_fire_and_clear(tmp_path: Path) -> None:
    promtool = require_program("promtool")
    panels = [
        {"record": f"panel:{number}", "expr": expression}
        for number, (_, expression) in enumerate(expressions())
    ]
    synthetic = tmp_path / "panels.yml"
    synthetic.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": panels}]}))
    for argv in (
        ["check", "rules", str(FOLDER / "rules" / "maitred.yml"), str(synthetic)],
        ["test", "rules", str(ROOT / "tests" / "watch" / "rules_test.yml")],
    ):
        done = subprocess.run([promtool, *argv], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_made_to_fire_in_the_rules_tests() -> None:
    document = yaml.safe_load((ROOT / "tests" / "watch" / "rules_test.yml").read_text())
    fired = {
        case["alertname"]
        for each in document["tests"]
        for case in each["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert fired == {rule["alert"] for rule in alert_rules()}


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    wanted = {rule["alert"]: rule["annotations"]["runbook_url"] for rule in alert_rules()}
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert pages == set(wanted)
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    for name, page in wanted.items():
        # without the external label that gives the address elsewhere
        here = re.sub(r"\{\{ with .*\{\{ else \}\}(.*)\{\{ end \}\}", r"\1", page)
        assert (ROOT / here).is_file()
        assert f"({name}.md)" in index


def test_dashboards_are_grafanas_and_each_panel_has_its_own_place() -> None:
    for name in DASHBOARDS:
        panels = json.loads((FOLDER / "grafana" / "dashboards" / f"{name}.json").read_text())
        cells = [
            (x, y)
            for panel in panels["panels"]
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(cells) == len(set(cells))
        assert max(x for x, _ in cells) < 24


@pytest.mark.slow
def test_every_command_of_the_runbooks_does_what_it_is_for(stack: Stack, tmp_path: Path) -> None:
    """On a machine that has only the file `.env`."""
    backups = {"BACKUP_STORE": str(tmp_path / "kept"), "BACKUP_KEY": "only for tests, " * 4}
    machine = Machine(tmp_path / "machine", stack.env | backups)
    found = dict.fromkeys(
        command
        for path in sorted(RUNBOOKS.glob("*.md"))
        for command in commands(path.read_text(encoding="utf-8"))
    )
    assert len(found) >= 8
    for command in found:
        assert command.startswith("maitred "), "of the image there is nothing else for sure"
        # its exit status reports the installation's health, too
        is_health = command.startswith("maitred health")
        said = machine.run(command, ends=EXIT_CODES.values() if is_health else 0)
        assert '"status": ' in said if is_health else said.strip(), command
    said = machine.run("maitred workers list")
    assert all(f"{name}@" in said for name in ("allocation-1", "allocation-2")), said
