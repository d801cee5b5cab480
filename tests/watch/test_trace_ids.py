"""One trace id links a guest's request, its decision and the provider's id of the message."""

import json
import subprocess
import sys
import uuid
from datetime import datetime
from typing import Any

import pytest

from tests.architecture.tree import ROOT
from tests.services.ports import free_port
from tests.services.running.process import wait_until
from tests.services.running.stack import Asked, evening
from tests.services.servers.log_index import LOGS, wrong_in
from tests.services.servers.logstash import Pipeline
from tests.watch.conftest import Overheard

NUMBER = "+4915112345678"


@pytest.fixture(scope="module")
def told(overheard: Overheard) -> Asked:
    """A request that is decided, with the guest notified on both channels."""
    restaurant = overheard.stack.open_restaurant(tables={"1": ("hall", 1, 4)})
    asked = overheard.stack.post(
        restaurant,
        start=evening(2),
        name="Ada Lovelace",
        email="ada@guests.example",
        phone=NUMBER,
        note="allergic to nuts",
    )
    assert asked.status == 202
    overheard.stack.wait_decided([asked.id])
    wait_until(lambda: len(sent_to(overheard, asked)) == 2, seconds=30, what="both messages sent")
    return asked


def sent_to(overheard: Overheard, asked: Asked) -> dict[str, dict[str, Any]]:
    """Return the log lines of the sent confirmations, by channel."""
    return {
        line["channel"]: line
        for line in of(overheard.lines("messages"), "message sent")
        if line["reservation_id"] == asked.id and line["kind"] == "confirmation"
    }


def sid_of(overheard: Overheard) -> str:
    """Return Twilio's id of the first text message to the guest."""
    return next(text.sid for text in overheard.twilio.texts if text.to == NUMBER)


def decision_on(overheard: Overheard, asked: Asked) -> dict[str, Any]:
    """Return the log line of its first decision."""
    lines = of(overheard.lines("allocation-1"), "decided")
    return next(line for line in lines if asked.id in line["reservation_id"])


def of(lines: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == event]


def test_logs_can_be_followed_by_one_id_to_the_provider(overheard: Overheard, told: Asked) -> None:
    (answered,) = [
        line
        for line in of(overheard.lines("web"), "answered")
        if line["request_id"] == told.headers["X-Request-ID"]
    ]
    trace_id = answered["trace_id"]
    assert answered["reservation_id"] == told.id

    decided = decision_on(overheard, told)
    assert (decided["trace_id"], decided["reservation_id"]) == ([trace_id], [told.id])
    assert (decided["kind"], decided["outcome"]) == ("request", "confirmed")
    assert decided["task"] == "allocation.decide"

    sent = sent_to(overheard, told)
    assert {line["trace_id"] for line in sent.values()} == {trace_id}
    mail = overheard.stack.mailbox.mails("ada@guests.example")[0]
    assert mail.queued_as in sent["email"]["answer"]
    assert sent["email"]["provider_id"] == mail.message["Message-ID"].strip("<>").partition("@")[0]
    assert sent["sms"]["provider_id"] == sid_of(overheard)


def test_a_trace_leads_from_the_request_to_both_messages(overheard: Overheard, told: Asked) -> None:
    (trace_id,) = decision_on(overheard, told)["trace_id"]
    names = {"send confirmation": 2, "decide request": 1}

    def all_there() -> bool:
        found = [span.name for span in overheard.traces.spans(trace_id)]
        return {name: found.count(name) for name in names} == names and any(
            name.startswith("POST") for name in found
        )

    wait_until(all_there, seconds=30, what="the whole trace")
    spans = overheard.traces.spans(trace_id)
    first = spans[0]
    assert (first.service, first.below) == ("maitred-web", "")
    assert first.name == "POST /api/v1/restaurants/<slug:slug>/reservations"
    assert first.facts["request_id"] == told.headers["X-Request-ID"]
    assert first.facts["http.response.status_code"] == 202

    below = [span for span in spans if span.below == first.id]
    assert {"COMMIT", "INSERT reservations", "decide request"} <= {span.name for span in below}
    assert {span.below for span in spans[1:]} <= {span.id for span in spans}, "none is lost"
    sends = {span.facts["channel"]: span for span in spans if span.name == "send confirmation"}
    assert sends["sms"].facts["provider_id"] == sid_of(overheard)
    assert all(span.service == "maitred-worker" for span in sends.values())
    # the task that decided many has a trace of its own, with its statements
    (decision,) = [span for span in spans if span.name == "decide request"]
    (task,) = decision.linked
    wait_until(lambda: overheard.traces.spans(task), seconds=30, what="the task's own trace")
    names_of_task = [span.name for span in overheard.traces.spans(task)]
    assert "allocation.decide" in names_of_task
    assert "SELECT reservations" in names_of_task
    assert overheard.traces.paths <= {"/v1/traces", "/v1/metrics"}
    assert overheard.traces.headers["api-key"] == "only for tests"


def test_no_span_and_no_log_line_names_the_guest(overheard: Overheard, told: Asked) -> None:
    secret = uuid.uuid4().hex
    overheard.stack.cancel(told)
    # paths and queries of the manage page: its token is as sensitive as a password
    client = overheard.stack._client
    assert client.get(f"/manage/{told.token}?email=ada@guests.example").status_code == 200
    assert client.get(f"/nowhere/{secret}/ada@guests.example").status_code == 404
    assert client.request("SECRET" + secret, "/healthz").status_code == 405
    looked = "GET /manage/<token>"
    wait_until(
        lambda: looked in {span.name for span in overheard.traces.spans()},
        seconds=30,
        what="the page's span",
    )
    overheard.stack.wait_quiet()
    everything = b"".join([*overheard.traces.bodies, *overheard.traces.measured])
    everything += b"".join(path.read_bytes() for path in overheard.stack.folder.glob("*.log"))
    hidden = ("Lovelace", "ada@", "guests.example", NUMBER, NUMBER[1:], "nuts", told.token, secret)
    for text in hidden:
        assert text.encode() not in everything, text


def test_polls_and_sweeps_make_no_traces(overheard: Overheard, told: Asked) -> None:
    # the decision's span, which is exported a moment later
    wait_until(overheard.traces.spans, seconds=30, what="any span")
    names = {span.name for span in overheard.traces.spans()}
    assert not {name for name in names if "healthz" in name or "sweep" in name or "beat" in name}


def test_metrics_go_the_same_way(overheard: Overheard, told: Asked) -> None:
    sent = ("maitred-worker", "maitred_messages_total")
    asked = ("maitred-web", "maitred_http_requests_total")
    read = ("maitred-web", "maitred_redis_up")
    took = ("maitred-web", "maitred_http_request_seconds")
    measured = overheard.traces.metrics
    wait_until(lambda: {sent, asked, read, took} <= measured().keys(), seconds=30, what="metrics")

    route = "/api/v1/restaurants/<slug:slug>/reservations"

    def of_route(found: dict[tuple[str, str], list[Any]], name: tuple[str, str]) -> list[Any]:
        return [
            point
            for point in found.get(name, [])
            if any(pair.value.string_value == route for pair in point.attributes)
        ]

    wait_until(lambda: of_route(measured(), took), seconds=30, what="the request's time")
    found = measured()
    (point,), (counted,) = of_route(found, took), of_route(found, asked)
    assert counted.as_double == point.count == sum(point.bucket_counts) >= 1
    assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
    assert 0 < point.sum < 30 * point.count
    assert [up.as_double for up in found[read]] == [1]


def test_all_that_an_evening_logs_is_indexed(overheard: Overheard) -> None:
    """Requested, decided, waitlisted, changed, cancelled, notified, refused, signed in, failed."""
    stack = overheard.stack
    restaurant = stack.open_restaurant(tables={"1": ("hall", 1, 4)})
    overheard.twilio.refuse["+4915111111111"] = (400, 21211)
    asked = stack.post(restaurant, start=evening(2), phone="+4915122222222")
    unreachable = stack.post(restaurant, start=evening(3), phone="+4915111111111")
    full = stack.post(restaurant, start=evening(2))
    stack.wait_decided([asked.id, unreachable.id, full.id])
    assert stack.patch(asked, wait=5, party_size=3).status in (200, 202)
    stack.sign_in_as_host(restaurant)
    assert stack.staff("POST", f"/reservations/{asked.id}/arrive", "forged").status == 401
    stack.cancel(asked)
    stack.wait_quiet()

    pipeline, seen = Pipeline(LOGS / "logstash.conf"), set()
    for process in stack.processes:
        for line in overheard.lines(process):
            document = pipeline.document(json.dumps(line))
            assert not list(wrong_in(document)), line
            moment = datetime.fromisoformat(document["@timestamp"])
            assert moment == datetime.fromisoformat(line["ts"]), "the line's own moment"
            assert "message" not in document, "nothing is kept twice"
            assert "original" not in document.get("event", {})
            seen.add(line["event"])
    wanted = {"answered", "decided", "message sent", "message failed", "task ended", "signed in"}
    assert wanted | {"refused", "scheduler started"} <= seen


#: a process per case costs seconds, so one process runs all cases and undoes its changes
NOT_THERE = """
import os, sys, time
from models.core.settings import settings
from web import wsgi
from workers.hooks import start_tracing

def ask():
    began = time.monotonic()
    assert wsgi.app.test_client().get("/api/v1/restaurants/none").status_code == 404
    return time.monotonic() - began

start_tracing()
ask()
assert not [name for name in sys.modules if name.startswith("opentelemetry.exporter")]

os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = NOWHERE
settings.cache_clear()
sys.modules["opentelemetry.exporter"] = None
try:
    start_tracing()
except SystemExit as refused:
    assert "needs the extra `traces`" in str(refused), refused
else:
    raise AssertionError("it started")

del sys.modules["opentelemetry.exporter"]
start_tracing()
assert sum(ask() for _ in range(20)) < 5, "somebody waited for the receiver"
os._exit(0)
"""


def test_what_is_not_there_costs_nothing(service_env: dict[str, str], restaurant: object) -> None:
    restaurant()  # type: ignore[operator]
    program = NOT_THERE.replace("NOWHERE", repr(f"http://127.0.0.1:{free_port()}"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=service_env | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
