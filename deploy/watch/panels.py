"""Grafana panels, and the JSON of a dashboard."""

import re
from dataclasses import dataclass
from typing import Any, Final

from deploy.watch.objectives import OPERATORS

REQUESTS: Final = "maitred_http_requests_total"
SECONDS: Final = "maitred_http_request_seconds"
#: Requests of guests and staff, without monitoring.
ASKED: Final = f"{REQUESTS}{{{OPERATORS}}}"
FAILED: Final = f'{REQUESTS}{{status=~"5..",{OPERATORS}}}'
_SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
#: The environments to choose from: the namespaces of all installations that this Prometheus
#: scrapes. Without namespaces there is one installation, which is "All".
_ENVIRONMENT: Final = {
    "name": "namespace",
    "label": "Environment",
    "type": "query",
    "datasource": _SOURCE,
    "definition": "label_values(maitred_info, namespace)",
    "query": {"query": "label_values(maitred_info, namespace)", "refId": "namespace"},
    "refresh": 2,
    "sort": 1,
    "multi": True,
    "includeAll": True,
    "allValue": ".*",
    "current": {"text": "All", "value": "$__all"},
}
_METRIC: Final = re.compile(r"\b(maitred(?:_[a-z]+|:[a-z0-9_]+)+)\b(\{)?")
#: Width of a whole row.
WIDTH: Final = 24
_HEIGHT: Final = 8


@dataclass(frozen=True, slots=True)
class Panel:
    """One question: a title, expressions with their legends, a unit of Grafana's, the width."""

    title: str
    targets: tuple[tuple[str, str], ...]
    unit: str = "short"
    width: int = 12
    kind: str = "timeseries"


def share(expr: str, of: str, by: str) -> str:
    """Return an expression for the share of `expr` in `of`, by that label, over five minutes."""
    return f"sum by ({by}) (rate({expr}[5m])) / ignoring({by}) group_left sum(rate({of}[5m]))"


def quantile(part: float, metric: str, by: str = "") -> str:
    """Return an expression for that quantile of a histogram over five minutes, by that label."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({part}, sum by ({labels}) (rate({metric}_bucket[5m])))"


def of_rows(metric: str, by: str) -> str:
    """Return the sum by that label of a count that each web process reports for its environment."""
    return f"sum by ({by}) (max by (namespace, {by}) ({metric}))"


def of_environments(expr: str) -> str:
    """Restrict the expression to the chosen environments."""

    def chosen(found: re.Match[str]) -> str:
        more = "," if found[2] else "}"
        return f'{found[1]}{{namespace=~"$namespace"{more}'

    return _METRIC.sub(chosen, expr)


def dashboard(name: str, title: str, panels: tuple[Panel, ...]) -> dict[str, Any]:
    """Return Grafana's JSON of one dashboard."""
    return {
        "uid": f"maitred-{name}",
        "title": f"Maitred: {title}",
        "schemaVersion": 39,
        "editable": False,
        "refresh": "15s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "tags": ["maitred"],
        "templating": {"list": [_ENVIRONMENT]},
        "panels": _placed(panels),
    }


def _placed(panels: tuple[Panel, ...]) -> list[dict[str, Any]]:
    """Return the panels from left to right, row by row."""
    x = y = 0
    placed = []
    for number, panel in enumerate(panels, start=1):
        if x + panel.width > WIDTH:
            x, y = 0, y + _HEIGHT
        place = {"x": x, "y": y, "w": panel.width, "h": _HEIGHT}
        placed.append(_panel(number, panel, place))
        x += panel.width
    return placed


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "expr": of_environments(expr),
                "legendFormat": legend,
            }
            for index, (expr, legend) in enumerate(panel.targets)
        ],
    }
