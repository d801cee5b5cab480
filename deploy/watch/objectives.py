"""The house's objectives, and the rules that follow from them.

An objective is a share of good events over 30 days; its error budget is the rest. Alerts are on the
speed at which the budget burns, each over a long window and a short one, so that they come soon and
go soon (the method of Google's SRE workbook, chapter 5).
"""

from dataclasses import dataclass
from typing import Any, Final

#: One Prometheus may watch several installations, each in a namespace of its own: every sum, and
#: every alert, is of one of them. Without namespaces there is one.
EACH: Final = "namespace"
#: An objective of three nines is missed by the one error of a quiet night: so many bad events are
#: wanted before somebody is called.
LEAST_BAD: Final = 5
#: What nobody's experience depends on: whoever watches over the house.
OPERATORS: Final = 'route!~"/healthz|/readyz|/metrics"'


@dataclass(frozen=True, slots=True)
class Objective:
    """So many of 100 events are good. `bad` and `all` are rates with %s for the window."""

    name: str
    says: str
    target: float
    bad: str
    all: str

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        return round(1 - self.target, 6)


def _slower_than(metric: str, seconds: str, labels: str = "") -> tuple[str, str]:
    """The rates of what took longer than that, and of all."""
    within = f"{labels},le='{seconds}'" if labels else f"le='{seconds}'"
    total = f"sum by ({EACH}) (rate({metric}_count{{{labels}}}[%s]))"
    return f"({total} - sum by ({EACH}) (rate({metric}_bucket{{{within}}}[%s])))", total


_LATE_DECISIONS: Final = _slower_than("maitred_decision_seconds", "2.0", "kind='request'")
_LATE_MESSAGES: Final = _slower_than("maitred_told_seconds", "60.0")

OBJECTIVES: Final = (
    Objective(
        "availability",
        "99.9% of answers are no error of ours",
        0.999,
        f'sum by ({EACH}) (rate(maitred_http_requests_total{{status=~"5..",{OPERATORS}}}[%s]))',
        f"sum by ({EACH}) (rate(maitred_http_requests_total{{{OPERATORS}}}[%s]))",
    ),
    Objective("decisions", "99% of requests are decided in 2 s", 0.99, *_LATE_DECISIONS),
    Objective("messages", "99% of guests are told in 60 s", 0.99, *_LATE_MESSAGES),
)

#: (severity, how many times as fast as the budget allows, long window, short window)
BURNS: Final = (
    ("page", 14.4, "1h", "5m"),
    ("page", 6, "6h", "30m"),
    ("ticket", 1, "3d", "6h"),
)
WINDOWS: Final = tuple(sorted({window for burn in BURNS for window in burn[2:]}))


def recorded(objective: Objective, window: str) -> str:
    """The name of the recorded share of bad events."""
    return f"maitred:{objective.name}:bad_ratio_{window}"


def recording_rules() -> list[dict[str, Any]]:
    """The share of bad events of each objective over each window; none while nothing happens."""
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
    """One alert for each objective and severity."""
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
    """The events themselves, where `rate` is how many a second."""
    return _over(rate.replace("rate(", "increase("), window)


def _limit(objective: Objective, times: float) -> str:
    return f"{objective.budget * times:.6g}"
