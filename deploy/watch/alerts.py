"""Alerts on symptoms: what guests, hosts and operators would notice. Each has its runbook."""

from typing import Any, Final

from deploy.watch.objectives import burn_alerts, recording_rules

#: Late with these, guests or hosts notice: somebody is called. The rest can wait for the morning.
URGENT: Final = ("requests", "changes", "freed_books", "messages", "sweep")
_URGENT_RE: Final = "|".join((*URGENT, "heartbeat.allocation", "heartbeat.messages"))
#: Where an alert's runbook lies, by the alert's name.
RUNBOOKS: Final = "docs/runbooks/{name}.md"


def _alert(
    name: str, expr: str, *, after: str, severity: str, summary: str, description: str
) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expr,
        "for": after,
        "labels": {"severity": severity},
        "annotations": {"summary": summary, "description": description},
    }


#: What is gone, late or failing.
SYMPTOMS: Final = (
    _alert(
        "WebGone",
        'up{job="web"} == 0 or absent(up{job="web"})',
        after="1m",
        severity="page",
        summary="No web process answers",
        description="{{ $labels.instance }} was not reached for a minute.",
    ),
    _alert(
        "DatabaseGone",
        "max(maitred_database_up) == 0",
        after="30s",
        severity="page",
        summary="The database does not answer",
        description="Requests are refused with 503 until it does.",
    ),
    _alert(
        "RedisGone",
        "max(maitred_redis_up) == 0",
        after="2m",
        severity="page",
        summary="Redis does not answer",
        description="Requests are accepted and wait; nobody is decided or told.",
    ),
    _alert(
        "HouseLate",
        f'max by (what) (maitred_late{{what=~"{_URGENT_RE}"}}) == 1',
        after="1m",
        severity="page",
        summary="{{ $labels.what }}: late",
        description="Guests wait for their answer or their message.",
    ),
    _alert(
        "JobLate",
        f'max by (what) (maitred_late{{what!~"{_URGENT_RE}"}}) == 1',
        after="15m",
        severity="ticket",
        summary="{{ $labels.what }}: late",
        description="A job of the house has not succeeded for too long.",
    ),
    _alert(
        "JobFailing",
        "max by (job) (maitred_job_failing) == 1",
        after="15m",
        severity="ticket",
        summary="{{ $labels.job }}: its last run failed",
        description="`maitred backups` or the log tell why.",
    ),
    _alert(
        "ChannelDown",
        "min by (channel) (maitred_channel_up) == 0",
        after="30s",
        severity="page",
        summary="{{ $labels.channel }}: nothing goes out",
        description="Its messages wait; `/readyz` and `/status/operators` say why.",
    ),
    _alert(
        "ProviderFailing",
        'sum by (channel) (rate(maitred_messages_total{result=~"retried|failed"}[10m]))'
        " / sum by (channel) (rate(maitred_messages_total[10m])) > 0.2",
        after="5m",
        severity="page",
        summary="{{ $labels.channel }}: the provider refuses",
        description="{{ $value | humanizePercentage }} of the attempts fail.",
    ),
)


def alert_rules() -> list[dict[str, Any]]:
    """All alerts, each with the page that says what to do."""
    found = [*SYMPTOMS, *burn_alerts()]
    return [
        alert | {"annotations": alert["annotations"] | {"runbook_url": _page(alert["alert"])}}
        for alert in found
    ]


def _page(name: str) -> str:
    return RUNBOOKS.format(name=name)


def rule_groups() -> dict[str, Any]:
    """Prometheus' rule file."""
    return {
        "groups": [
            {"name": "maitred-objectives", "interval": "30s", "rules": recording_rules()},
            {"name": "maitred-alerts", "rules": alert_rules()},
        ]
    }
