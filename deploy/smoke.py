"""Smoke test of an installation: `python -m deploy.smoke URL RESTAURANT`.

For use after a deployment. Requests a table through the public API, waits for the decision, and
cancels the reservation. Needs no settings and no database, so it runs anywhere that can reach the
URL. `--email` receives the two messages.
"""

import ssl
import sys
import time
import uuid
from datetime import timedelta
from typing import Any, Final

import click
import httpx

from models.core import clock
from models.core.waiting import wait_until

#: Days ahead, from today, on which a free start is searched for: one week to four weeks.
DAYS: Final = range(7, 28)
DECIDED_SECONDS: Final = 30
#: Reserved by RFC 2606: mail to this address reaches nobody.
NOBODY: Final = "smoke@example.com"
DECIDED: Final = frozenset({"confirmed", "waitlisted", "declined"})


class SmokeTestFailed(click.ClickException):
    """The smoke test failed. The message is one sentence; the command exits with 1."""


@click.command()
@click.argument("url")
@click.argument("restaurant")
@click.option("--email", default=NOBODY, show_default=True)
@click.option("--insecure", is_flag=True, help="accept any certificate")
def main(url: str, restaurant: str, email: str, insecure: bool) -> None:
    """Reserve a table at RESTAURANT of the installation at URL, and cancel it."""
    try:
        # the machine's certificate authorities, which may be more than those bundled with httpx
        proved = False if insecure else ssl.create_default_context()
        with httpx.Client(base_url=url, timeout=15, verify=proved) as client:
            click.echo(try_out(client, restaurant, email=email))
    except httpx.HTTPError as error:
        raise SmokeTestFailed(f"{url} does not answer: {error}") from error


def try_out(client: httpx.Client, slug: str, *, email: str) -> str:
    """Make one reservation and cancel it. Return a one-sentence result. Raises SmokeTestFailed."""
    _ask(client, "GET", "/healthz")
    start = _free_start(client, slug)
    body = {"party_size": 2, "start": start, "guest": {"name": "Smoke Test", "email": email}}
    headers = {"Idempotency-Key": uuid.uuid4().hex, "Prefer": "wait=10"}
    begun = time.monotonic()
    path = f"/api/v1/restaurants/{slug}/reservations"
    made = _ask(client, "POST", path, json=body, headers=headers)
    token = {"Manage-Token": str(made["manage_url"]).rpartition("/")[2]}
    path = f"/api/v1/reservations/{made['id']}"
    try:
        status = _decision(client, path, token)
        seconds = time.monotonic() - begun
    finally:
        _ask(client, "POST", f"{path}/cancel", json={}, headers=token)
    if status != "confirmed":
        raise SmokeTestFailed(f"{slug} offered {start}, but the request was {status}")
    return f"{slug}: confirmed after {seconds:.1f} s, and cancelled"


def _free_start(client: httpx.Client, slug: str) -> str:
    for days in DAYS:
        day = (clock.now() + timedelta(days=days)).date().isoformat()
        path = f"/api/v1/restaurants/{slug}/availability?date={day}&party_size=2"
        slots = _ask(client, "GET", path)["slots"]
        if slots:
            return str(slots[0]["start"])
    raise SmokeTestFailed(f"{slug} has no table for two on any of the {len(DAYS)} days searched")


def _decision(client: httpx.Client, path: str, token: dict[str, str]) -> str:
    def decision() -> str:
        status = str(_ask(client, "GET", path, headers=token)["status"])
        return status if status in DECIDED else ""

    if not (status := wait_until(decision, every=0.2, seconds=DECIDED_SECONDS)):
        raise SmokeTestFailed(f"not decided within {DECIDED_SECONDS} s: are the workers running?")
    return status


def _ask(client: httpx.Client, method: str, path: str, **options: Any) -> dict[str, Any]:
    answer = client.request(method, path, **options)
    if answer.is_error:
        raise SmokeTestFailed(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
    found: dict[str, Any] = answer.json()
    return found


if __name__ == "__main__":
    sys.exit(main())
