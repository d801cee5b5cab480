"""A running installation whose logs, traces, mails and text messages are recorded."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from tests.services.running.schema import create_tables
from tests.services.running.stack import Stack
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.otlp import Receiver
from tests.services.servers.redis import RedisServer
from tests.services.servers.twilio import ACCOUNT, TOKEN, Twilio


@dataclass(frozen=True, slots=True)
class Overheard:
    """A running installation, and the receivers of its traces and texts."""

    stack: Stack
    traces: Receiver
    twilio: Twilio

    def lines(self, process: str) -> list[dict[str, Any]]:
        """Return what a process has logged so far, without lines of other programs."""
        text = (self.stack.folder / f"{process}.log").read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1].splitlines()
        return [orjson.loads(line) for line in whole if line.startswith("{")]


@pytest.fixture(scope="module")
def overheard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Overheard]:
    """An installation with SQLite, Valkey and five processes, shared by the tests of a module."""
    folder = tmp_path_factory.mktemp("overheard")
    url = f"sqlite:///{folder / 'restaurant.sqlite3'}"
    create_tables(url)
    redis, box = RedisServer(folder / "redis", kind="valkey"), Mailbox()
    twilio, receiver = Twilio(), Receiver()
    servers = (redis, box, twilio, receiver)
    for server in servers:
        server.start()
    restaurant = Stack(folder, database_url=url, redis=redis, mailbox=box, workers=1)
    restaurant.env |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=only%20for%20tests",
        "OTLP_METRICS_SECONDS": "1",
        "SMS_CHANNEL": "twilio",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_BASE_URL": twilio.url,
    }
    for process in restaurant.processes.values():
        process.env |= restaurant.env
    try:
        restaurant.start()
        yield Overheard(restaurant, receiver, twilio)
    finally:
        restaurant.stop()
        receiver.stop()
        twilio.stop()
        box.stop()
        redis.kill()
