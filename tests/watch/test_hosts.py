"""Prometheus on hosts: it scrapes only the web process, which reports the workers' metrics too."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.watch.make import FOLDER
from tests.architecture.tree import ROOT
from tests.services.missing import require_program
from tests.services.running.process import wait_until
from tests.services.running.stack import evening
from tests.services.running.stacks import open_stack
from tests.services.servers.alertmanager import SCRIPT
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.prometheus import Prometheus

pytestmark = pytest.mark.slow

ASKED = 3


@pytest.mark.mariadb
def test_what_the_workers_of_a_slot_count_is_counted_once(mariadb: MariaDB, tmp_path: Path) -> None:
    shared = str(tmp_path / "metrics")
    Path(shared).mkdir()
    # as deploy/release/line.py sets them for all processes of a slot
    env = {"METRICS_DIR": shared, "PROMETHEUS_MULTIPROC_DIR": shared}
    with open_stack(tmp_path / "stack", mariadb, env) as stack:
        prometheus = Prometheus(tmp_path, "groups: []", {"web": [stack.port]}, file="hosts.yml")
        prometheus.start()
        restaurant = stack.open_restaurant()
        asked = [stack.post(restaurant, start=evening(day)).id for day in range(1, ASKED + 1)]
        stack.wait_decided(asked)
        stack.wait_quiet()
        sums = {
            "decided": "sum(maitred_decisions_total)",
            "sent": 'sum(maitred_messages_total{result="sent"})',
            "asked": 'sum(maitred_http_requests_total{status="202"})',
        }

        def found() -> dict[str, float]:
            return {
                what: (prometheus.ask(query) or [({}, 0.0)])[0][1] for what, query in sums.items()
            }

        try:
            wait_until(lambda: set(found().values()) == {ASKED}, seconds=30, what=str(sums))
        finally:
            print(found())
            prometheus.stop()


def test_its_configuration_is_prometheus_own_and_asks_what_nginx_shows() -> None:
    program = require_program("promtool")
    done = subprocess.run([program, "check", "config", FOLDER / "hosts.yml"], capture_output=True)
    assert done.returncode == 0, done.stdout
    config = yaml.safe_load((FOLDER / "hosts.yml").read_text(encoding="utf-8"))
    targets = {
        job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]
    }
    nginx = (ROOT / "deploy/nginx/maitred/upstreams.conf").read_text(encoding="utf-8")
    (shown,) = re.findall(r"listen (127\.0\.0\.1:\d+);", nginx)
    assert targets["web"] == [shown]
    assert not [name for name in targets if name.startswith("worker")], "counted twice"


def test_the_page_puts_files_in_place_that_are_there() -> None:
    page = (ROOT / "docs" / "watching.md").read_text(encoding="utf-8")
    named = set(re.findall(r"deploy/[\w./-]+\.(?:yml|sh|conf)", page))
    assert len(named) >= 5
    assert not [name for name in named if not (ROOT / name).exists()]
    drop_in = (FOLDER / "alertmanager.conf").read_text(encoding="utf-8")
    started = drop_in.splitlines()[-1].split()
    assert started[1] == f"/usr/local/lib/maitred-watch/{SCRIPT}"
    assert f"`{started[2]}`" in page
