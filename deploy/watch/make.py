"""Generate the rule file and the dashboards: `python -m deploy.watch.make`."""

import json
import sys
from pathlib import Path
from typing import Final

import yaml

from deploy.watch.alerts import rule_groups
from deploy.watch.dashboards import DASHBOARDS
from deploy.watch.panels import dashboard

FOLDER: Final = Path(__file__).parent
_HEAD: Final = "# Made by `python -m deploy.watch.make` of deploy/watch/*.py; edit those.\n"


def files() -> dict[Path, str]:
    """Return every generated file and its text."""
    rules = _HEAD + yaml.safe_dump(rule_groups(), sort_keys=False, width=100)
    made = {
        FOLDER / "rules" / "maitred.yml": rules,
        FOLDER.parent / "k8s" / "components" / "prometheus" / "rules.yaml": _for_operator(),
    }
    for name in DASHBOARDS:
        text = json.dumps(dashboard(name, *DASHBOARDS[name]), indent=2) + "\n"
        made[FOLDER / "grafana" / "dashboards" / f"{name}.json"] = text
    return made


def _for_operator() -> str:
    """Return the same rules in the form for the Prometheus operator."""
    wrapped = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "maitred"},
        "spec": rule_groups(),
    }
    return _HEAD + yaml.safe_dump(wrapped, sort_keys=False, width=100)


def main() -> None:
    """Write all generated files."""
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(FOLDER.parent)}\n")


if __name__ == "__main__":
    main()
