"""Alerts on symptoms that guests, hosts and operators would notice. Each has a runbook."""

from typing import Any, Final

from deploy.watch.objectives import EACH, burn_alerts, recording_rules

#: If these are overdue, guests or hosts notice: the alert pages. The rest can wait until morning.
URGENT: Final = ("requests", "changes", "freed_books", "messages", "sweep", "two_primaries")
_URGENT_RE: Final = "|".join((*URGENT, "heartbeat.allocation", "heartbeat.messages"))
#: The database's log: with it the recovery point is seconds, without it an hour.
_LOG: Final = "log"
#: URL of a runbook: Prometheus' external label `runbooks`, without a trailing slash; if the label
#: is not set, the folder in a clone.
RUNBOOKS: Final = "{{ with $externalLabels.runbooks }}{{ . }}{{ else }}docs/runbooks{{ end }}/%s.md"
#: An installation that was scraped a quarter of an hour ago, and is no longer.
_VANISHED: Final = (
    f'group by ({EACH}) (up{{job="web"}} offset 15m) unless group by ({EACH}) (up{{job="web"}})'
)


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


#: Alerts for anything that is gone, overdue or failing.
SYMPTOMS: Final = (
    _alert(
        "WebGone",
        f'max by ({EACH}) (up{{job="web"}}) == 0 or absent(up{{job="web"}}) or ({_VANISHED})',
        after="1m",
        severity="page",
        summary="No web process answers",
        description="None has answered for a minute.",
    ),
    _alert(
        "ProcessGone",
        f'min by ({EACH}, job, instance) (up{{job=~"web|worker.*|flower"}}) == 0',
        after="15m",
        severity="ticket",
        summary="{{ $labels.job }} at {{ $labels.instance }} does not answer",
        description="Others of its kind may do its work meanwhile.",
    ),
    _alert(
        "DatabaseGone",
        f"max by ({EACH}) (maitred_database_up) == 0",
        after="30s",
        severity="page",
        summary="The database does not answer",
        description="Requests are refused with 503 until it does.",
    ),
    _alert(
        "RedisGone",
        f"max by ({EACH}) (maitred_redis_up) == 0",
        after="2m",
        severity="page",
        summary="Redis does not answer",
        description="Requests are accepted and wait: no decisions, no messages.",
    ),
    _alert(
        "WorkOverdue",
        f'max by ({EACH}, what) (maitred_late{{what=~"{_URGENT_RE}"}}) == 1',
        after="1m",
        severity="page",
        summary="Overdue: {{ $labels.what }}",
        description="Guests wait for their answer or their message.",
    ),
    _alert(
        "JobLate",
        f'max by ({EACH}, what) (maitred_late{{what!~"{_URGENT_RE}|{_LOG}"}}) == 1',
        after="15m",
        severity="ticket",
        summary="Overdue: {{ $labels.what }}",
        description="A job has not succeeded for too long.",
    ),
    _alert(
        "LogLate",
        f'max by ({EACH}) (maitred_late{{what="{_LOG}"}}) == 1',
        after="2m",
        severity="page",
        summary="The database's log is not being stored",
        description="Commits made now would be lost with the server.",
    ),
    _alert(
        "JobFailing",
        f"max by ({EACH}, name) (maitred_job_failing) == 1",
        after="15m",
        severity="ticket",
        summary="{{ $labels.name }}: its last run failed",
        description="`maitred backup list` or the log shows the reason.",
    ),
    _alert(
        "ChannelDown",
        f"min by ({EACH}, channel) (maitred_channel_up) == 0",
        after="30s",
        severity="page",
        summary="{{ $labels.channel }}: no message is sent",
        description="Its messages wait; `/readyz` and `/status/operators` show the reason.",
    ),
    _alert(
        "ProviderFailing",
        f'sum by ({EACH}, channel) (rate(maitred_messages_total{{result=~"retried|failed"}}[10m]))'
        f" / sum by ({EACH}, channel) (rate(maitred_messages_total[10m])) > 0.2",
        after="5m",
        severity="page",
        summary="{{ $labels.channel }}: the provider refuses messages",
        description="{{ $value | humanizePercentage }} of the attempts fail.",
    ),
    _alert(
        "AlertsUnsent",
        f"sum by ({EACH}, integration)"
        " (rate(alertmanager_notification_requests_failed_total[5m])) > 0",
        after="5m",
        severity="page",
        summary="Alertmanager cannot send by {{ $labels.integration }}",
        description="Receivers of this integration get no alert.",
    ),
)


def alert_rules() -> list[dict[str, Any]]:
    """Return all alerts, each with the URL of its runbook."""
    found = [*SYMPTOMS, *burn_alerts()]
    return [
        alert | {"annotations": alert["annotations"] | {"runbook_url": _page(alert["alert"])}}
        for alert in found
    ]


def _page(name: str) -> str:
    return RUNBOOKS % name


def rule_groups() -> dict[str, Any]:
    """Return the content of Prometheus' rule file."""
    return {
        "groups": [
            {"name": "maitred-objectives", "interval": "30s", "rules": recording_rules()},
            {"name": "maitred-alerts", "rules": alert_rules()},
        ]
    }
