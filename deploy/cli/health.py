"""`maitred health`: the result of `/readyz`, without a proxy or a web process."""

import sys
from typing import Any, Final

import click
import httpx
import orjson

from deploy.embedded.folder import join
from models.core.settings import settings
from tasks.readiness import readiness

#: Status -> exit code.
EXIT_CODES: Final = {"ready": 0, "degraded": 1, "not ready": 2}
_ANSWER_SECONDS: Final = 10


@click.command()
@click.option("--url", help="also check /healthz of the web process at this URL")
@click.option("--web", is_flag=True, help="the same at PUBLIC_URL")
def health(url: str | None, web: bool) -> None:
    """Report whether requests can be served, and what is overdue.

    Exits with 0 when ready, 1 when degraded, 2 when nothing can be served (or nothing answers at
    --url or --web).
    """
    join()
    found = readiness()
    code = EXIT_CODES[found["status"]]
    if web:
        url = settings().public_url
    if url is not None:
        found |= {"web": (answer := _web(url))}
        code = code if answer == "alive" else EXIT_CODES["not ready"]
    click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    sys.exit(code)


def _web(url: str) -> Any:
    """Return the web process's status, or why there is none."""
    try:
        answer = httpx.get(f"{url.rstrip('/')}/healthz", timeout=_ANSWER_SECONDS)
        return answer.raise_for_status().json()["status"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
        return f"no answer: {type(error).__name__}: {error}"
