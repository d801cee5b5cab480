"""The configuration of monitoring, checked by the servers' own checkers if installed.

There is none for Grafana: its files are only compared. For logs see tests/watch/test_logs.py.
"""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from tasks.queues import QUEUES
from tests.architecture.tree import ROOT
from tests.deploy.containers.test_containers import described
from tests.services.missing import require_program

WATCH = ROOT / "deploy" / "watch"


def test_the_servers_own_checker_takes_it(tmp_path: Path) -> None:
    """tests/watch/test_receivers.py runs Alertmanager's checker."""
    found, file = require_program("promtool"), WATCH / "prometheus.yml"
    for path, code in ((file, 0), (tmp_path / "broken.yml", 1)):
        if code:
            path.write_text(file.read_text(encoding="utf-8") + "x: 1\n")
        argv = [found, "check", "config", str(path)]
        done = subprocess.run(argv, capture_output=True, check=False)
        assert done.returncode == code, done.stdout


def _looked_up(job: dict[str, Any]) -> list[str]:
    return [name for group in job.get("dns_sd_configs", ()) for name in group["names"]]


def test_each_speaks_to_services_that_there_are() -> None:
    services = described("--profile", "watch")["services"]
    config: dict[str, Any] = yaml.safe_load((WATCH / "prometheus.yml").read_text())
    targets = [
        target
        for job in config["scrape_configs"]
        for group in job.get("static_configs", ())
        for target in group["targets"]
    ]
    looked_up = [name for job in config["scrape_configs"] for name in _looked_up(job)]
    assert {f"worker-{queue}" for queue in QUEUES} == set(looked_up)
    targets += looked_up
    (alerts,) = config["alerting"]["alertmanagers"]
    targets += alerts["static_configs"][0]["targets"]
    (source,) = yaml.safe_load(
        (WATCH / "grafana/provisioning/datasources/prometheus.yml").read_text()
    )["datasources"]
    targets.append(source["url"].removeprefix("http://"))
    assert {target.partition(":")[0] for target in targets} <= services.keys() | {"localhost"}
