"""Nudges: queued by one thread, sent by another that survives every error."""

import pytest

from tasks.nudges import Nudger


def test_whatever_goes_wrong_the_next_nudge_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose connection is closed concurrently raises AttributeError."""
    sent: list[str] = []

    def send(name: str, *_args: object, **_options: object) -> None:
        sent.append(name)
        if len(sent) == 1:
            raise AttributeError("'NoneType' object has no attribute 'readline'")

    monkeypatch.setattr("tasks.nudges.signals.claim_nudge", lambda _name: True)
    monkeypatch.setattr("tasks.nudges.app.send_task", send)
    nudger = Nudger()
    for _ in range(2):
        nudger.enqueue("messages", "messages.deliver", [])
        assert nudger.flush(5)
    assert sent == ["messages.deliver", "messages.deliver"]
