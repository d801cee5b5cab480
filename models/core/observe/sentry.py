"""Error reports to SENTRY_DSN: where an error happened, without data about guests."""

import math
import re
from time import monotonic
from typing import Any, Final

import sentry_sdk
from sentry_sdk.crons import capture_checkin
from sentry_sdk.integrations import Integration

from models.core.observe.logs import MASK, bound_ids, mask
from models.core.observe.version import release_name
from models.core.settings import settings

#: Parts of a report that may repeat guests' input.
_TOLD: Final = ("breadcrumbs", "exception", "extra", "logentry", "message", "request", "contexts")
#: Headers that help to find a fault. All others are removed: some are as good as a password.
_HEADERS: Final = frozenset({"accept", "content-length", "content-type", "host", "user-agent"})
#: A job that runs every few seconds checks in at most this often; a failure always does.
_CHECK_IN_SECONDS: Final = 60
_MANAGE: Final = re.compile(r"(/manage/)[^/?#\s\"']+")


def start_reports(*integrations: Integration) -> None:
    """Report this process's errors if SENTRY_DSN is set; do nothing otherwise.

    Reports have no local variables, bodies, cookies or tokens; addresses and numbers are masked as
    in logs.
    """
    if settings().sentry_dsn:
        sentry_sdk.init(
            dsn=settings().sentry_dsn,
            environment=settings().environment,
            release=f"maitred@{release_name()}",
            integrations=list(integrations),
            send_default_pii=False,
            include_local_variables=False,  # they contain guests' data
            max_request_body_size="never",
            before_send=without_guests,
        )


def check_in(job: str, *, is_well: bool, seconds: float, late_after: int) -> None:
    """Report that a scheduled job has run, so that a job that stops running is noticed.

    `late_after`: seconds without a success after which it is overdue. Does nothing without
    SENTRY_DSN.
    """
    if not sentry_sdk.is_initialized():
        return
    if is_well and monotonic() - _checked_in.get(job, -math.inf) < _CHECK_IN_SECONDS:
        return
    _checked_in[job] = monotonic()
    minutes = max(1, math.ceil(late_after / 60))
    capture_checkin(
        monitor_slug=f"maitred-{job.replace('.', '-')}",
        status="ok" if is_well else "error",
        duration=seconds,
        monitor_config={
            "schedule": {"type": "interval", "value": minutes, "unit": "minute"},
            "checkin_margin": minutes,
        },
    )


#: job -> time of its last check-in from this process
_checked_in: Final[dict[str, float]] = {}


def without_guests(event: Any, _hint: dict[str, Any]) -> Any:
    """The report without guests' data, with the ids by which its log lines are found."""
    ids = {name: str(value) for name, value in bound_ids().items()}
    event["tags"] = {**(event.get("tags") or {}), **ids}
    request = event.get("request") or {}
    for name in ("cookies", "data", "query_string", "env"):
        request.pop(name, None)
    if "headers" in request:
        request["headers"] = {
            name: value for name, value in request["headers"].items() if name.lower() in _HEADERS
        }
    for part in _TOLD:
        if part in event:
            event[part] = _without_links(mask(event[part]))
    return event


def _without_links(value: Any) -> Any:
    """Mask the token of manage links, which opens a reservation."""
    if isinstance(value, str):
        return _MANAGE.sub(rf"\1{MASK}", value)
    if isinstance(value, dict):
        return {key: _without_links(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_links(item) for item in value]
    return value
