"""Grafana's dashboards: few panels, each a question that somebody has."""

from dataclasses import dataclass
from typing import Any, Final

from deploy.watch.objectives import OBJECTIVES, recorded

_SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
_WIDTH: Final = 24
_HEIGHT: Final = 8


@dataclass(frozen=True, slots=True)
class Panel:
    """One question: a title, expressions with their legends, a unit of Grafana's, how wide."""

    title: str
    targets: tuple[tuple[str, str], ...]
    unit: str = "short"
    width: int = 12
    kind: str = "timeseries"


def _share(expr: str, of: str, by: str) -> str:
    return f"sum by ({by}) (rate({expr}[5m])) / ignoring({by}) group_left sum(rate({of}[5m]))"


def _quantile(share: float, metric: str, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket[5m])))"


_REQUESTS: Final = "maitred_http_requests_total"
_SECONDS: Final = "maitred_http_request_seconds"

DASHBOARDS: Final[dict[str, tuple[str, tuple[Panel, ...]]]] = {
    "tonight": (
        "Service tonight",
        (
            Panel("Late", (("maitred_late == 1", "{{what}}"),), kind="stat", width=8),
            Panel(
                "Waiting for an answer or a message",
                (("max by (kind) (maitred_waiting_rows)", "{{kind}}"),),
                kind="stat",
                width=16,
            ),
            Panel(
                "Answers a minute",
                (("sum by (outcome) (rate(maitred_decisions_total[5m])) * 60", "{{outcome}}"),),
            ),
            Panel(
                "From request to answer",
                (
                    (_quantile(0.5, "maitred_decision_seconds"), "half of them within"),
                    (_quantile(0.99, "maitred_decision_seconds"), "99% within"),
                ),
                unit="s",
            ),
            Panel(
                "Messages a minute",
                (
                    (
                        "sum by (channel, result) (rate(maitred_messages_total[5m])) * 60",
                        "{{channel}} {{result}}",
                    ),
                ),
            ),
            Panel(
                "From answer to message, 99%",
                ((_quantile(0.99, "maitred_told_seconds", "channel"), "{{channel}}"),),
                unit="s",
            ),
        ),
    ),
    "requests": (
        "Request path",
        (
            Panel(
                "Answers by status", ((f"sum by (status) (rate({_REQUESTS}[5m]))", "{{status}}"),)
            ),
            Panel(
                "Errors of ours by route",
                ((f'sum by (route) (rate({_REQUESTS}{{status=~"5.."}}[5m]))', "{{route}}"),),
            ),
            Panel(
                "99% within, by route", ((_quantile(0.99, _SECONDS, "route"), "{{route}}"),), "s"
            ),
            Panel(
                "Availability from the cache",
                (
                    (
                        _share(
                            "maitred_availability_total", "maitred_availability_total", "source"
                        ),
                        "{{source}}",
                    ),
                ),
                unit="percentunit",
            ),
            Panel(
                "Share of bad events against the objectives, an hour",
                tuple((recorded(each, "1h"), each.says) for each in OBJECTIVES),
                unit="percentunit",
                width=_WIDTH,
            ),
        ),
    ),
    "queues": (
        "Queues and jobs",
        (
            Panel(
                "Oldest that waits",
                (("max by (kind) (maitred_waiting_oldest_seconds)", "{{kind}}"),),
                unit="s",
            ),
            Panel(
                "Tasks a second",
                (
                    (
                        "sum by (task, outcome) (rate(maitred_tasks_total[5m]))",
                        "{{task}} {{outcome}}",
                    ),
                ),
            ),
            Panel(
                "Tasks, 99% within",
                ((_quantile(0.99, "maitred_task_seconds", "task"), "{{task}}"),),
                unit="s",
            ),
            Panel(
                "Answers in one round, 99%",
                ((_quantile(0.99, "maitred_round_answers"), "answers"),),
            ),
            Panel(
                "Since a job's last success",
                (("time() - max by (job) (maitred_job_last_success_seconds)", "{{job}}"),),
                unit="s",
            ),
            Panel("Failing jobs", (("max by (job) (maitred_job_failing) == 1", "{{job}}"),)),
        ),
    ),
    "messages": (
        "Messages",
        (
            Panel(
                "The providers' time, 99%",
                ((_quantile(0.99, "maitred_provider_seconds", "channel"), "{{channel}}"),),
                unit="s",
            ),
            Panel(
                "Refused by the provider",
                (
                    (
                        "sum by (channel, result)"
                        ' (rate(maitred_messages_total{result=~"retried|failed"}[5m]))',
                        "{{channel}} {{result}}",
                    ),
                ),
            ),
            Panel(
                "Sent an hour, by kind",
                (
                    (
                        'sum by (kind) (rate(maitred_messages_total{result="sent"}[1h])) * 3600',
                        "{{kind}}",
                    ),
                ),
                width=_WIDTH,
            ),
        ),
    ),
    "house": (
        "Database, Redis, flags",
        (
            Panel("Database", (("max(maitred_database_up)", "up"),), kind="stat"),
            Panel("Redis", (("max(maitred_redis_up)", "up"),), kind="stat"),
            Panel(
                "Database connections in use, of those that there may be",
                (
                    (
                        "max by (job, instance) (maitred_database_connections_in_use"
                        " / maitred_database_connections_most)",
                        "{{job}} {{instance}}",
                    ),
                ),
                unit="percentunit",
                width=_WIDTH,
            ),
            Panel(
                "Flags",
                (("max by (flag) (maitred_flag_percent)", "{{flag}}"),),
                unit="percent",
                width=_WIDTH,
            ),
        ),
    ),
}


def dashboard(name: str) -> dict[str, Any]:
    """Grafana's JSON of one dashboard."""
    title, panels = DASHBOARDS[name]
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
        if x + panel.width > _WIDTH:
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
