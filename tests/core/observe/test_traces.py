"""Spans: names of statements, which traces are sent, and how a reminder's trace begins."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from models.core.observe import trace_ids, traces
from models.core.observe.logs import bound
from models.core.observe.otlp_traces import headers_of, make_exporter
from models.core.observe.traces import Span, statement_name
from models.core.settings import settings
from tasks import traced
from tests.services.running.process import wait_until
from tests.services.servers.otlp import Receiver
from tests.tasks.mail_order import outgoing


@pytest.fixture
def receiver(service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver of the spans that this process exports."""
    taking = Receiver()
    taking.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{taking.url}/")
    monkeypatch.setenv("TRACES_SHARE", "0.5")
    settings.cache_clear()
    yield taking
    taking.stop()


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("SELECT a, b\nFROM reservations WHERE note = 'x FROM ada'", "SELECT reservations"),
        ("INSERT INTO `messages` (a) VALUES ('ada@guests.example')", "INSERT messages"),
        ("UPDATE messages SET error='of FROM ada'", "UPDATE messages"),
        ('DELETE FROM "table_occupancy" WHERE 1', "DELETE table_occupancy"),
        ("SELECT 'ada'", "SELECT"),
        ("BEGIN IMMEDIATE", "BEGIN"),
        ("WITH ada AS (SELECT 1) SELECT 2", "WITH"),
        ("/* ada */", "SQL"),
    ],
)
def test_a_statement_is_its_verb_and_its_table(statement: str, name: str) -> None:
    assert statement_name(statement) == name


def test_every_process_sends_the_same_share(receiver: Receiver) -> None:
    ids = [trace_ids.trace_id_of(number) for number in range(1, 401)]
    for process in ("web", "worker"):
        exporter = make_exporter(process)
        for each in ids:
            exporter.export(Span("work", each, 1, 2, is_first=process == "web"))
        exporter.export(
            Span(f"{process} is done", f"{1:032x}", 1, 2)
        )  # an id low enough to be sampled

    def done() -> bool:
        return {"web is done", "worker is done"} <= {span.name for span in receiver.spans()}

    wait_until(done, seconds=30, what="both have told")
    found = [span for span in receiver.spans() if span.name == "work"]
    by_web = {span.trace for span in found if span.service == "maitred-web"}
    assert by_web == {span.trace for span in found if span.service == "maitred-worker"}
    assert 120 < len(by_web) < 280, "a half, within six standard deviations and more"
    first = {span.trace: span.id for span in found if not span.below}
    assert all(span.below in ("", first[span.trace]) for span in found)


@pytest.mark.usefixtures("service_env")
def test_a_reminder_begins_a_trace_and_other_messages_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Span] = []

    class Listening:
        def export(self, span: Span) -> None:
            told.append(span)

    monkeypatch.setattr(traces, "_exporter", Listening())
    confirmation = outgoing()
    with bound(task_id="01234567-89ab-cdef-0123-456789abcdef"):
        for message in (confirmation, replace(confirmation, kind="reminder")):
            traced.trace_sent(message, began=1, result="sent")
        traced.trace_sent(confirmation, began=1, result="smtp 550: recipient refused")
    trace_id = trace_ids.trace_id_of(confirmation.reservation_id)
    sent, reminder, refused = told
    assert (sent.trace_id, sent.is_first) == (trace_id, False)
    assert sent.because_of == "0123456789abcdef0123456789abcdef"
    assert (reminder.is_first, reminder.because_of) == (True, trace_id)
    assert reminder.trace_id != trace_id
    assert (sent.failed, refused.failed) == (False, True)


def test_a_trace_id_is_taken_where_it_is_one() -> None:
    assert (
        traces.as_trace_id("0af7651916cd43dd8448eb211c80319c") == "0af7651916cd43dd8448eb211c80319c"
    )
    for given in ("", "0" * 32, "of-a-caller", "0AF7651916CD43DD8448EB211C80319C"):
        made = traces.as_trace_id(given)
        assert len(made) == 32
        assert int(made, 16)
        assert made != given


def test_headers_are_read_as_opentelemetry_writes_them() -> None:
    assert headers_of("api-key=a%20b,X-Other = c=d ,") == {"api-key": "a b", "x-other": "c=d"}
    assert headers_of("") == {}
