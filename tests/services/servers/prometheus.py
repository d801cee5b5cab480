"""A Prometheus for tests, with Maitred's rules at high speed."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from deploy.watch.make import FOLDER
from tests.services.missing import require_program
from tests.services.ports import free_port
from tests.services.running.process import Process, wait_until

#: Seconds in place of every range and every `for` of the rules.
WINDOW, PATIENCE = 6, 1


def in_fast_motion(rules: str) -> str:
    """The rules with hours turned into seconds; comparisons are unchanged."""
    rules = re.sub(r"\[\d+[smhd]\]", f"[{WINDOW}s]", rules)
    rules = re.sub(r"^(\s*for:) \S+$", rf"\1 {PATIENCE}s", rules, flags=re.MULTILINE)
    return re.sub(r"^(\s*interval:) \S+$", r"\1 1s", rules, flags=re.MULTILINE)


def as_shipped(
    jobs: Mapping[str, list[int]], alertmanager: int | None, file: str = "prometheus.yml"
) -> dict[str, Any]:
    """That file of deploy/watch with local ports in place of its services.

    Reduced to the given jobs, and scraped more often.
    """
    config: dict[str, Any] = yaml.safe_load((FOLDER / file).read_text("utf-8"))
    scraped = {job["job_name"]: job for job in config["scrape_configs"]}
    assert jobs.keys() <= scraped.keys(), "what is not shipped is not asked"
    for name, ports in jobs.items():
        scraped[name].pop("dns_sd_configs", None)
        scraped[name]["static_configs"] = [{"targets": [f"127.0.0.1:{each}" for each in ports]}]
    config["scrape_configs"] = [scraped[name] for name in jobs]
    config["global"] |= {
        "scrape_interval": "500ms",
        "scrape_timeout": "500ms",
        "evaluation_interval": "1s",
    }
    config["rule_files"] = ["rules.yml"]
    (told,) = config["alerting"]["alertmanagers"]
    told["static_configs"] = [{"targets": [f"127.0.0.1:{alertmanager}"] if alertmanager else []}]
    return config


class Prometheus:
    """Scrapes those ports every half second, with the shipped configuration.

    `jobs`: name in that configuration -> local ports. `rules`: the text of the rule file. `file`:
    the name of the shipped configuration.
    """

    def __init__(
        self,
        folder: Path,
        rules: str,
        jobs: Mapping[str, list[int]],
        *,
        alertmanager: int | None = None,
        file: str = "prometheus.yml",
    ) -> None:
        self.port = free_port()
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10)
        (folder / "rules.yml").write_text(rules, encoding="utf-8")
        config = as_shipped(jobs, alertmanager, file)
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        argv = [
            require_program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        self._process = Process("prometheus", argv, log=folder / "prometheus.log")

    def start(self) -> None:
        """Start, and wait until it answers and has scraped every port."""
        self._process.start()
        self._process.wait_ready(self._has_asked)

    def stop(self) -> None:
        self._client.close()
        self._process.terminate()

    def firing(self) -> set[str]:
        """The names of the firing alerts."""
        return {labels["alertname"] for labels in self._firing()}

    def _firing(self) -> list[dict[str, str]]:
        found = self._client.get("/api/v1/alerts").raise_for_status().json()["data"]["alerts"]
        return [one["labels"] for one in found if one["state"] == "firing"]

    def labels(self, name: str) -> dict[str, str]:
        """The labels of the first firing alert of that name, without severity and instance."""
        for labels in self._firing():
            if labels["alertname"] == name:
                return {
                    key: text
                    for key, text in labels.items()
                    if key not in ("alertname", "severity", "instance")
                }
        raise AssertionError(f"{name} does not fire")

    def wait_firing(self, name: str, *, meanwhile: Callable[[], object] = bool) -> None:
        """Wait until that alert fires; call `meanwhile` repeatedly."""

        def fires() -> bool:
            meanwhile()
            return name in self.firing()

        wait_until(fires, seconds=60, what=f"{name} to fire", every=0.3)

    def wait_clear(self, name: str) -> None:
        """Wait until that alert no longer fires."""
        wait_until(
            lambda: name not in self.firing(), seconds=120, what=f"{name} to clear", every=0.3
        )

    def ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Run a query: the labels of each series, and its value."""
        answer = self._client.get("/api/v1/query", params={"query": query})
        assert answer.is_success, answer.text
        found = answer.json()["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def _has_asked(self) -> bool:
        try:
            found = self._client.get("/api/v1/query", params={"query": "up"})
        except httpx.HTTPError:
            return False
        return found.status_code == 200 and any(
            one["value"][1] == "1" for one in found.json()["data"]["result"]
        )
