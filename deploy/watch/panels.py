"""Panels of Grafana's, and a dashboard's JSON."""

from dataclasses import dataclass
from typing import Any, Final

_SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
#: Of a whole row.
WIDTH: Final = 24
_HEIGHT: Final = 8


@dataclass(frozen=True, slots=True)
class Panel:
    """One question: a title, expressions with their legends, a unit of Grafana's, how wide."""

    title: str
    targets: tuple[tuple[str, str], ...]
    unit: str = "short"
    width: int = 12
    kind: str = "timeseries"


def share(expr: str, of: str, by: str) -> str:
    """The share that `expr` has of `of`, by that label, over five minutes."""
    return f"sum by ({by}) (rate({expr}[5m])) / ignoring({by}) group_left sum(rate({of}[5m]))"


def quantile(part: float, metric: str, by: str = "") -> str:
    """That quantile of a histogram over five minutes, by that label."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({part}, sum by ({labels}) (rate({metric}_bucket[5m])))"


def dashboard(name: str, title: str, panels: tuple[Panel, ...]) -> dict[str, Any]:
    """Grafana's JSON of one dashboard."""
    return {
        "uid": f"maitred-{name}",
        "title": f"Maitred: {title}",
        "schemaVersion": 39,
        "editable": False,
        "refresh": "15s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "tags": ["maitred"],
        "panels": _placed(panels),
    }


def _placed(panels: tuple[Panel, ...]) -> list[dict[str, Any]]:
    """The panels from left to right, row by row."""
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
            {"refId": chr(ord("A") + index), "expr": expr, "legendFormat": legend}
            for index, (expr, legend) in enumerate(panel.targets)
        ],
    }
