"""Log lines and spans of finished work, under the reservation's trace id.

Decisions and messages are processed in batches; each one is logged and traced under the trace id
of its own reservation (models/core/observe/trace_ids.py).
"""

import logging
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from models.core import clock
from models.core.observe import logs, trace_ids, traces
from models.operations.deciding.rounds import Answer
from models.queries.messages.outgoing import Outgoing
from models.rules.messages.notifying import Kind

_log: Final = logging.getLogger(__name__)

#: Answers per log line, so that it stays below the length at which collectors cut (16 kB).
AT_ONCE: Final = 100


def log_decided(answers: Sequence[Answer], *, began: int) -> None:
    """Log and trace a round's answers. `began`: nanoseconds since 1970.

    Answers of the same outcome share a line: a line each would take a third of the decision time.
    """
    for (kind, outcome), group in groupby(sorted(answers, key=_sort_key), key=_sort_key):
        ids = [answer.reservation_id for answer in group]
        for start in range(0, len(ids), AT_ONCE):
            some = ids[start : start + AT_ONCE]
            about = {
                "reservation_id": some,
                "trace_id": [trace_ids.trace_id_of(each) for each in some],
            }
            _log.info("decided", extra={"kind": kind, "outcome": outcome} | about)
    if traces.is_on():
        _trace_decided(answers, began)


def _sort_key(answer: Answer) -> tuple[str, str]:
    return answer.kind, answer.outcome


def _trace_decided(answers: Sequence[Answer], began: int) -> None:
    """Send a span in each reservation's trace, linked to the task that decided them all."""
    ended, task = clock.nanoseconds(), task_trace()
    for answer in answers:
        facts: traces.Facts = {
            "reservation_id": answer.reservation_id,
            "outcome": answer.outcome,
            "decided_at_once": len(answers),
        }
        trace_id = trace_ids.trace_id_of(answer.reservation_id)
        name = f"decide {answer.kind}"
        traces.export(traces.Span(name, trace_id, began, ended, because_of=task, facts=facts))


def trace_sent(message: Outgoing, *, began: int, result: str, provider_id: str = "") -> None:
    """Trace one attempt to send a message, as a span in its reservation's trace.

    A reminder is sent days after the rest of the trace: its span starts a new trace, linked to it.
    """
    if not traces.is_on():
        return
    trace_id = trace_ids.trace_id_of(message.reservation_id)
    is_reminder = message.kind == Kind.REMINDER
    facts: traces.Facts = {
        "message_id": message.id,
        "reservation_id": message.reservation_id,
        "channel": message.channel,
        "attempts": message.attempts,
        "result": result,
        "provider_id": provider_id,
    }
    traces.export(
        traces.Span(
            f"send {message.kind}",
            traces.as_trace_id("") if is_reminder else trace_id,
            began,
            clock.nanoseconds(),
            "client",
            is_first=is_reminder,
            because_of=trace_id if is_reminder else task_trace(),
            failed=result != "sent",
            facts=facts,
        )
    )


def task_trace() -> str:
    """Return the trace id of the current task: the task's id without dashes."""
    return str(logs.bound_ids().get("task_id", "")).replace("-", "")
