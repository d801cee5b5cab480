"""Dashboards of releases, backups, business figures and servers."""

from typing import Final

from deploy.watch.panels import ASKED, FAILED, SECONDS, WIDTH, Panel, of_rows

_NO_SHOWS: Final = 'maitred_parties{status="no_show"}'
_CAME_OR_NOT: Final = 'maitred_parties{status=~"no_show|seated|finished"}'
#: Joins a web process's counts with the release that it reports.
_BY_VERSION: Final = "* on (instance) group_left (version) maitred_info"


MORE: Final[dict[str, tuple[str, tuple[Panel, ...]]]] = {
    "releases": (
        "Releases",
        (
            Panel("Processes by version", (("sum by (version) (maitred_info)", "{{version}}"),)),
            Panel(
                "Answers a second by version",
                ((f"sum by (version) (rate({ASKED}[1m]) {_BY_VERSION})", "{{version}}"),),
            ),
            Panel(
                "Share of server errors by version",
                (
                    (
                        f"(sum by (version) (rate({FAILED}[1m]) {_BY_VERSION})"
                        f" or 0 * sum by (version) (rate({ASKED}[1m]) {_BY_VERSION}))"
                        f" / sum by (version) (rate({ASKED}[1m]) {_BY_VERSION})",
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
                        f" (rate({SECONDS}_bucket[1m]) {_BY_VERSION}))",
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
                "Since last success, by job",
                (("max by (name) (maitred_backup_job_success_age_seconds)", "{{name}}"),),
                unit="s",
            ),
            Panel(
                "Duration by job",
                (("max by (name) (maitred_backup_job_seconds)", "{{name}}"),),
                unit="s",
            ),
            Panel(
                "Size of all backups",
                ((of_rows("maitred_backup_bytes", "store"), "{{store}}"),),
                unit="bytes",
            ),
            Panel("Backups", ((of_rows("maitred_backup_backups", "store"), "{{store}}"),), width=8),
            Panel(
                "Damaged manifests",
                ((of_rows("maitred_backup_damaged_manifests", "store"), "{{store}}"),),
                kind="stat",
                width=8,
            ),
            Panel(
                "Failing",
                (("max by (name) (maitred_backup_job_failing)", "{{name}}"),),
                kind="stat",
                width=8,
            ),
        ),
    ),
    "business": (
        "Business",
        (
            Panel(
                "Guests within twelve hours, before and after",
                ((of_rows("maitred_guests", "status"), "{{status}}"),),
            ),
            Panel("Parties", ((of_rows("maitred_parties", "status"), "{{status}}"),)),
            Panel(
                "Answers a day",
                (("sum by (outcome) (increase(maitred_decisions_total[1d]))", "{{outcome}}"),),
            ),
            Panel(
                "Share of no-shows",
                (
                    (
                        f"sum({of_rows(_NO_SHOWS, 'status')})"
                        f" / (sum({of_rows(_CAME_OR_NOT, 'status')}) > 0)",
                        "no-show",
                    ),
                ),
                unit="percentunit",
            ),
        ),
    ),
    "installation": (
        "Database, Redis, flags",
        (
            Panel(
                "Database",
                (("min(max by (namespace) (maitred_database_up))", "up"),),
                kind="stat",
            ),
            Panel("Redis", (("min(max by (namespace) (maitred_redis_up))", "up"),), kind="stat"),
            Panel(
                "Database connections in use, share of the maximum",
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
                (
                    (
                        "max by (namespace, flag) (maitred_flag_percent)",
                        "{{flag}} {{namespace}}",
                    ),
                ),
                unit="percent",
                width=WIDTH,
            ),
        ),
    ),
}
