"""The service level objectives, and the rules derived from them.

An objective is a share of good events over 30 days; the rest is its error budget. Alerts fire on
the budget's burn rate over a long and a short window, so that they start and end quickly (the
method of Google's SRE workbook, chapter 5).
"""

from dataclasses import dataclass
from typing import Any, Final

#: The label that separates installations: one Prometheus may watch several, each in a namespace of
#: its own, and every sum and alert is for one of them. Without namespaces there is one.
EACH: Final = "namespace"
#: A single error on a quiet night would miss an objective of three nines, so an alert requires this
#: many bad events.
LEAST_BAD: Final = 5
#: Excludes monitoring requests, which affect no guest and no host.
OPERATORS: Final = 'route!~"/healthz|/readyz|/metrics"'


@dataclass(frozen=True, slots=True)
class Objective:
    """A target share of good events. `bad` and `all` are rates with %s for the window."""

    name: str
    says: str
    target: float
    bad: str
    all: str

    @property
    def budget(self) -> float:
        """The share of events that may be bad."""
        return round(1 - self.target, 6)


def _slower_than(metric: str, seconds: str, labels: str = "") -> tuple[str, str]:
    """Return the rates of events that took longer than that, and of all events."""
    within = f"{labels},le='{seconds}'" if labels else f"le='{seconds}'"
    total = f"sum by ({EACH}) (rate({metric}_count{{{labels}}}[%s]))"
    return f"({total} - sum by ({EACH}) (rate({metric}_bucket{{{within}}}[%s])))", total


_LATE_DECISIONS: Final = _slower_than("maitred_decision_seconds", "2.0", "kind='request'")
_LATE_MESSAGES: Final = _slower_than("maitred_message_seconds", "60.0")

OBJECTIVES: Final = (
    Objective(
        "availability",
        "99.9% of answers are no server error",
        0.999,
        f'sum by ({EACH}) (rate(maitred_http_requests_total{{status=~"5..",{OPERATORS}}}[%s]))',
        f"sum by ({EACH}) (rate(maitred_http_requests_total{{{OPERATORS}}}[%s]))",
    ),
    Objective("decisions", "99% of requests are decided in 2 s", 0.99, *_LATE_DECISIONS),
    Objective("messages", "99% of guests are notified in 60 s", 0.99, *_LATE_MESSAGES),
)

#: (severity, burn rate as a multiple of what the budget allows, long window, short window)
BURNS: Final = (
    ("page", 14.4, "1h", "5m"),
    ("page", 6, "6h", "30m"),
    ("ticket", 1, "3d", "6h"),
)
WINDOWS: Final = tuple(sorted({window for burn in BURNS for window in burn[2:]}))


def recorded(objective: Objective, window: str) -> str:
    """Return the name of the recorded share of bad events."""
    return f"maitred:{objective.name}:bad_ratio_{window}"


def recording_rules() -> list[dict[str, Any]]:
    """Return rules for each objective's share of bad events per window; without events, no
    value.
    """
    return [
        {
            "record": recorded(objective, window),
            "expr": f"({_over(objective.bad, window)} or 0 * {_over(objective.all, window)})"
            f" / ({_over(objective.all, window)} > 0)",
        }
        for objective in OBJECTIVES
        for window in WINDOWS
    ]


def _over(rate: str, window: str) -> str:
    return rate.replace("%s", window)


def burn_alerts() -> list[dict[str, Any]]:
    """Return one alert for each objective and severity."""
    return [
        {
            "alert": f"{objective.name.capitalize()}Burn",
            "expr": " or ".join(
                f"({recorded(objective, long)} > {_limit(objective, times)}"
                f" and {recorded(objective, short)} > {_limit(objective, times)}"
                f" and {_counted(objective.bad, long)} >= {LEAST_BAD})"
                for kind, times, long, short in BURNS
                if kind == severity
            ),
            "labels": {"severity": severity},
            "annotations": {
                "summary": f"The budget of '{objective.says}' burns too fast",
                "description": "{{ $value | humanizePercentage }} of the events are bad.",
            },
        }
        for objective in OBJECTIVES
        for severity in ("page", "ticket")
    ]


def _counted(rate: str, window: str) -> str:
    """Turn the rate of events into their number in the window."""
    return _over(rate.replace("rate(", "increase("), window)


def _limit(objective: Objective, times: float) -> str:
    return f"{objective.budget * times:.6g}"
