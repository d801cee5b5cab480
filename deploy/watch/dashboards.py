"""Grafana's dashboards: few panels, each a question that somebody has."""

from typing import Final

from deploy.watch.objectives import OBJECTIVES, recorded
from deploy.watch.panels import WIDTH, Panel, quantile, share

_REQUESTS: Final = "maitred_http_requests_total"
_SECONDS: Final = "maitred_http_request_seconds"

#: A web process's counts, by the release that it says it is of.
_BY_VERSION: Final = "* on (instance) group_left (version) maitred_info"

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
                    (quantile(0.5, "maitred_decision_seconds"), "half of them within"),
                    (quantile(0.99, "maitred_decision_seconds"), "99% within"),
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
                ((quantile(0.99, "maitred_told_seconds", "channel"), "{{channel}}"),),
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
            Panel("99% within, by route", ((quantile(0.99, _SECONDS, "route"), "{{route}}"),), "s"),
            Panel(
                "Availability from the cache",
                (
                    (
                        share("maitred_availability_total", "maitred_availability_total", "source"),
                        "{{source}}",
                    ),
                ),
                unit="percentunit",
            ),
            Panel(
                "Share of bad events against the objectives, an hour",
                tuple((recorded(each, "1h"), each.says) for each in OBJECTIVES),
                unit="percentunit",
                width=WIDTH,
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
                ((quantile(0.99, "maitred_task_seconds", "task"), "{{task}}"),),
                unit="s",
            ),
            Panel(
                "Searches for room in a full house, an hour",
                (
                    (
                        "sum by (result) (rate(maitred_room_searches_total[1h])) * 3600",
                        "{{result}}",
                    ),
                    (
                        "sum(rate(maitred_reseated_parties_total[1h])) * 3600",
                        "parties moved",
                    ),
                ),
            ),
            Panel(
                "Looks of a search, 99%",
                ((quantile(0.99, "maitred_room_search_looks"), "looks"),),
            ),
            Panel(
                "Answers in one round, 99%",
                ((quantile(0.99, "maitred_round_answers"), "answers"),),
            ),
            Panel(
                "Since a job's last success",
                (("time() - max by (name) (maitred_job_last_success_seconds)", "{{name}}"),),
                unit="s",
            ),
            Panel("Failing jobs", (("max by (name) (maitred_job_failing) == 1", "{{name}}"),)),
        ),
    ),
    "messages": (
        "Messages",
        (
            Panel(
                "The providers' time, 99%",
                ((quantile(0.99, "maitred_provider_seconds", "channel"), "{{channel}}"),),
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
                width=WIDTH,
            ),
        ),
    ),
    "releases": (
        "Releases",
        (
            Panel("Processes by version", (("sum by (version) (maitred_info)", "{{version}}"),)),
            Panel(
                "Answers a second by version",
                ((f"sum by (version) (rate({_REQUESTS}[1m]) {_BY_VERSION})", "{{version}}"),),
            ),
            Panel(
                "Share of our errors by version",
                (
                    (
                        f'sum by (version) (rate({_REQUESTS}{{status=~"5.."}}[1m]) {_BY_VERSION})'
                        f" / sum by (version) (rate({_REQUESTS}[1m]) {_BY_VERSION})",
                        "{{version}}",
                    ),
                ),
                unit="percentunit",
            ),
            Panel(
                "95% within, by version",
                (
                    (
                        "histogram_quantile(0.95, sum by (le, version)"
                        f" (rate({_SECONDS}_bucket[1m]) {_BY_VERSION}))",
                        "{{version}}",
                    ),
                ),
                unit="s",
            ),
        ),
    ),
    "backups": (
        "Backups and recovery",
        (
            Panel(
                "Age of the newest backup",
                (
                    (
                        "max by (store, kind) (maitred_backup_newest_age_seconds)",
                        "{{store}} {{kind}}",
                    ),
                ),
                unit="s",
            ),
            Panel(
                "Since it was last made, proved, copied, followed",
                (("max by (name) (maitred_backup_job_success_age_seconds)", "{{name}}"),),
                unit="s",
            ),
            Panel(
                "What that took",
                (("max by (name) (maitred_backup_job_seconds)", "{{name}}"),),
                unit="s",
            ),
            Panel(
                "Size of all backups",
                (("max by (store) (maitred_backup_bytes)", "{{store}}"),),
                unit="bytes",
            ),
            Panel("Backups", (("max by (store) (maitred_backup_backups)", "{{store}}"),), width=8),
            Panel(
                "Manifests that cannot be trusted",
                (("max by (store) (maitred_backup_damaged_manifests)", "{{store}}"),),
                kind="stat",
                width=8,
            ),
            Panel(
                "Failing",
                (("max by (name) (maitred_backup_job_failing) == 1", "{{name}}"),),
                kind="stat",
                width=8,
            ),
        ),
    ),
    "business": (
        "Business",
        (
            Panel(
                "Guests from twelve hours ago until in twelve hours",
                (("max by (status) (maitred_guests)", "{{status}}"),),
            ),
            Panel("Parties", (("max by (status) (maitred_parties)", "{{status}}"),)),
            Panel(
                "Answers a day",
                (("sum by (outcome) (increase(maitred_decisions_total[1d]))", "{{outcome}}"),),
            ),
            Panel(
                "Share of parties that did not come",
                (
                    (
                        'max(maitred_parties{status="no_show"})'
                        ' / sum(max by (status) (maitred_parties{status=~"'
                        'no_show|seated|finished"}))',
                        "no-show",
                    ),
                ),
                unit="percentunit",
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
                width=WIDTH,
            ),
            Panel(
                "Flags",
                (("max by (flag) (maitred_flag_percent)", "{{flag}}"),),
                unit="percent",
                width=WIDTH,
            ),
        ),
    ),
}
