"""A Prometheus of the tests' own, with the house's rules in fast motion."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import yaml

from tests.services.missing import require_program
from tests.services.ports import free_port
from tests.services.process import Process, wait_until

#: What stands for every window and every patience of the rules, in seconds.
WINDOW, PATIENCE = 6, 1


def in_fast_motion(rules: str) -> str:
    """The rules with hours made seconds; what they compare is as it was."""
    rules = re.sub(r"\[\d+[smhd]\]", f"[{WINDOW}s]", rules)
    rules = re.sub(r"^(\s*for:) \S+$", rf"\1 {PATIENCE}s", rules, flags=re.MULTILINE)
    return re.sub(r"^(\s*interval:) \S+$", r"\1 1s", rules, flags=re.MULTILINE)


class Prometheus:
    """Asks those ports each half second. `jobs`: name -> ports of this machine."""

    def __init__(self, folder: Path, rules: str, jobs: Mapping[str, list[int]]) -> None:
        self.port = free_port()
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=10)
        (folder / "rules.yml").write_text(in_fast_motion(rules), encoding="utf-8")
        config = {
            "global": {
                "scrape_interval": "500ms",
                "scrape_timeout": "500ms",
                "evaluation_interval": "1s",
            },
            "rule_files": ["rules.yml"],
            "scrape_configs": [
                {
                    "job_name": name,
                    "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in ports]}],
                }
                for name, ports in jobs.items()
            ],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        argv = [
            require_program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        self._process = Process("prometheus", argv, log=folder / "prometheus.log")

    def start(self) -> None:
        """Start, and wait until it answers and every port was asked."""
        self._process.start()
        self._process.wait_ready(self._has_asked)

    def stop(self) -> None:
        """End it."""
        self._client.close()
        self._process.terminate()

    def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        return {labels["alertname"] for labels in self._firing()}

    def _firing(self) -> list[dict[str, str]]:
        found = self._client.get("/api/v1/alerts").raise_for_status().json()["data"]["alerts"]
        return [one["labels"] for one in found if one["state"] == "firing"]

    def labels(self, name: str) -> dict[str, str]:
        """The labels of the first alert of that name that fires, without severity and instance."""
        for labels in self._firing():
            if labels["alertname"] == name:
                return {
                    key: text
                    for key, text in labels.items()
                    if key not in ("alertname", "severity", "instance")
                }
        raise AssertionError(f"{name} does not fire")

    def wait_firing(self, name: str, *, meanwhile: Callable[[], object] = bool) -> None:
        """Wait until that alert fires; do `meanwhile` again and again."""

        def fires() -> bool:
            meanwhile()
            return name in self.firing()

        wait_until(fires, seconds=60, what=f"{name} to fire", every=0.3)

    def wait_clear(self, name: str) -> None:
        """Wait until it does not any more."""
        wait_until(
            lambda: name not in self.firing(), seconds=120, what=f"{name} to clear", every=0.3
        )

    def _has_asked(self) -> bool:
        try:
            found = self._client.get("/api/v1/query", params={"query": "up"})
        except httpx.HTTPError:
            return False
        return found.status_code == 200 and any(
            one["value"][1] == "1" for one in found.json()["data"]["result"]
        )
