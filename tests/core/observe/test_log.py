"""Logs: one JSON line per event, with ids, never with contact data."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from models.core.observe.logs import MASK, bind, bound, configure_logging, mask_text, unbind
from models.core.settings import settings

log = logging.getLogger("tests.core")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, service_env: dict[str, str]) -> Iterator[io.StringIO]:
    """The captured log lines. Restores the root logger afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging(stream)
    yield stream
    unbind()
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


def only(lines: io.StringIO) -> dict[str, Any]:
    (line,) = lines.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_carries_what_is_bound_and_what_is_given(lines: io.StringIO) -> None:
    bind(request_id="r1")
    with bound(reservation_id=7):
        log.info("decided %s", "now", extra={"ms": 1.5})
    found = only(lines)
    assert found.pop("ts").endswith("+00:00")
    assert found == {
        "level": "info",
        "event": "decided now",
        "logger": "tests.core",
        "request_id": "r1",
        "reservation_id": 7,
        "ms": 1.5,
    }


def test_bound_ids_end_with_their_block(lines: io.StringIO) -> None:
    with bound(task_id="t1"):
        pass
    log.info("later")
    assert "task_id" not in only(lines)


def test_contact_data_is_masked_however_deep(lines: io.StringIO) -> None:
    given = {"to": ["kim@example.com", {"call": "+49 151 2345678"}], "kim@example.com": 1}
    log.warning("sent to %s", "kim@example.com", extra={"given": given, "who": {"a@b.example"}})
    text = lines.getvalue()
    assert "kim" not in text
    assert "2345678" not in text
    assert "a@b" not in text
    assert only(lines)["given"]["to"] == [MASK, {"call": MASK}]


def test_a_traceback_is_masked_too(lines: io.StringIO) -> None:
    try:
        raise ValueError("no such mailbox: kim.o-neill@mail.example.org")
    except ValueError:
        log.exception("failed")
    found = only(lines)
    assert found["exception"].endswith(f"ValueError: no such mailbox: {MASK}")
    assert "neill" not in lines.getvalue()


def test_the_console_shows_the_same(lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_FORMAT", "console")
    settings.cache_clear()
    configure_logging(lines)
    log.info("to kim@example.com", extra={"ms": 2})
    assert "ms=2" in lines.getvalue()
    assert MASK in lines.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "kim@example.com",
        "kim+tables@sub.example.co.uk",
        "ümit@beispiel.example",
        "+4915123456789",
        "+1 (212) 555-1234",
        "(212) 555-1234",
        "212-555-1234",
        "212.555.1234",
        "0151 23456789",
        "0151/2345678",
        "00491512345678",
        "4915123456789",
    ],
)
def test_contact_data_is_seen(text: str) -> None:
    assert mask_text(text) == MASK
    assert mask_text(f"to {text}, again") == f"to {MASK}, again"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T02:00:00.123456+00:00",
        "2026-11-23 02:00:00",
        "Fri, 23 Nov 2026 02:00:00 +0000",
        str(UUID(int=0x0512345678904ABC8123012345678901)),
        "192.168.100.100:5000",
        "redis://127.0.0.1:6379/0",
        "reservation 12345678",
        "took 0.0012345678 s",
        "celery@worker",
        "QX7KP2MN",
        "",
    ],
)
def test_ids_times_and_addresses_stay(text: str) -> None:
    assert mask_text(text) == text
