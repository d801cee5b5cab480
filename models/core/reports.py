"""Error reports: to SENTRY_DSN, saying where it went wrong and not whom it was about."""

import re
from typing import Any, Final

import sentry_sdk
from sentry_sdk.integrations import Integration

from models.core.log import MASK, mask
from models.core.settings import settings

#: Parts of a report that may repeat what guests sent.
_TOLD: Final = ("breadcrumbs", "exception", "extra", "logentry", "message", "request", "contexts")
#: Headers that help to find a fault. All others stay here: some are as good as a password.
_HEADERS: Final = frozenset({"accept", "content-length", "content-type", "host", "user-agent"})
_MANAGE: Final = re.compile(r"(/manage/)[^/?#\s\"']+")


def start_reports(*integrations: Integration) -> None:
    """Report this process's errors when SENTRY_DSN is set; do nothing otherwise.

    Without local variables, bodies, cookies or tokens; addresses and numbers masked as in logs.
    """
    if settings().sentry_dsn:
        sentry_sdk.init(
            dsn=settings().sentry_dsn,
            environment=settings().environment,
            integrations=list(integrations),
            send_default_pii=False,
            include_local_variables=False,  # they hold guests
            max_request_body_size="never",
            before_send=without_guests,
        )


def without_guests(event: Any, _hint: dict[str, Any]) -> Any:
    """The report without what belongs to a guest."""
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
    """A manage link opens a reservation: its token is no more in the report."""
    if isinstance(value, str):
        return _MANAGE.sub(rf"\1{MASK}", value)
    if isinstance(value, dict):
        return {key: _without_links(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_links(item) for item in value]
    return value
