"""Grafana's dashboards: a few panels, each answering a practical question."""

from typing import Final

from deploy.watch.more_dashboards import MORE
from deploy.watch.objectives import OBJECTIVES, recorded
from deploy.watch.panels import ASKED, FAILED, SECONDS, WIDTH, Panel, of_rows, quantile, share

DASHBOARDS: Final[dict[str, tuple[str, tuple[Panel, ...]]]] = {
    "tonight": (
        "Service tonight",
        (
            Panel(
                "Overdue",
                (
                    ("sum(max by (namespace, what) (maitred_late))", "all"),
                    ("max by (namespace, what) (maitred_late) == 1", "{{what}} {{namespace}}"),
                ),
                kind="stat",
                width=8,
            ),
            Panel(
                "Waiting for an answer or a message",
                ((of_rows("maitred_waiting_rows", "kind"), "{{kind}}"),),
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
                    (quantile(0.5, "maitred_decision_seconds"), "50% within"),
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
                ((quantile(0.99, "maitred_message_seconds", "channel"), "{{channel}}"),),
                unit="s",
            ),
        ),
    ),
    "requests": (
        "Request path",
        (
            Panel("Answers by status", ((f"sum by (status) (rate({ASKED}[5m]))", "{{status}}"),)),
            Panel(
                "Server errors by route",
                ((f"sum by (route) (rate({FAILED}[5m]))", "{{route}}"),),
            ),
            Panel("99% within, by route", ((quantile(0.99, SECONDS, "route"), "{{route}}"),), "s"),
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
                "Age of the oldest waiting row",
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
                "Re-seating searches, an hour",
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
                "Steps of a search, 99%",
                ((quantile(0.99, "maitred_room_search_steps"), "steps"),),
            ),
            Panel(
                "Answers in one round, 99%",
                ((quantile(0.99, "maitred_round_answers"), "answers"),),
            ),
            Panel(
                "Since a job's last success",
                (
                    (
                        "max by (name) (time() - max by (namespace, name)"
                        " (maitred_job_last_success_seconds))",
                        "{{name}}",
                    ),
                ),
                unit="s",
            ),
            Panel("Failing jobs", (("max by (name) (maitred_job_failing)", "{{name}}"),)),
        ),
    ),
    "messages": (
        "Messages",
        (
            Panel(
                "Duration of a provider's answer, 99%",
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
} | MORE
