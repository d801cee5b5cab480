"""`maitred messages`: failed messages are listed and sent again."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.core import clock
from models.core.database.transactions import reading
from models.entities import AuditEntry
from tests.deploy.cli.test_cli import run
from tests.services.running.restaurant import OpenRestaurant
from tests.tasks.mail_order import order, reserve, row_of

FAILED = {"state": "failed", "attempts": 7, "error": "smtp 550 5.1.1: recipient refused"}


@pytest.mark.both
def test_failed_messages_are_listed_and_sent_again(
    restaurant: Callable[..., OpenRestaurant],
) -> None:
    opened = restaurant()
    one, two = (order(reserve(opened.id, number=number), **FAILED) for number in (1, 2))
    void = order(reserve(opened.id, number=3, status="cancelled"), **FAILED)
    old = order(
        reserve(opened.id, number=4), **FAILED | {"due_at": clock.now() - timedelta(days=3)}
    )
    shown = run("messages", "list", "--failed").stdout
    assert all(str(each) in shown for each in (one, two, void, old, "R0000001", FAILED["error"]))
    assert "guests.example" not in shown
    assert str(one) in run("messages", "list", "--failed", "--restaurant", opened.slug).stdout
    assert "no such restaurant" in run(
        "messages", "list", "--failed", "--restaurant", "nowhere", ends=1
    ).output.replace("there is ", "")
    assert run("messages", "retry", str(one)).stdout == "queued: 1\n"
    assert "no longer applies" in run("messages", "retry", str(void), ends=1).output
    assert "is queued" in run("messages", "retry", str(one), ends=1).output
    assert run("messages", "retry", "--since", "8h").stdout == "queued: 1, no longer true: 1\n"
    assert [row_of(each).state for each in (one, two, void, old)] == [
        "queued",
        "queued",
        "failed",
        "failed",
    ]
    with reading() as session:
        entries = session.scalars(select(AuditEntry)).all()
        assert {(entry.actor, entry.action) for entry in entries} == {
            ("operator", "message.sent_again")
        }
        assert [entry.about for entry in entries] == [["R0000001"], ["R0000002"]]


def test_more_than_fit_into_one_transaction_are_all_sent_again(
    restaurant: Callable[..., OpenRestaurant], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = restaurant()
    for number in range(7):
        status = "cancelled" if number % 2 else "confirmed"
        order(reserve(opened.id, number=number, status=status), **FAILED)
    monkeypatch.setattr("deploy.cli.messages._AT_ONCE", 2)
    said = run("messages", "retry", "--since", (clock.now() - timedelta(hours=1)).isoformat())
    assert said.stdout == "queued: 4, no longer true: 3\n"


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("retry",),
        ("retry", "7", "--since", "8h"),
        ("retry", "--since", "yesterday"),
        ("retry", "--since", "2026-11-27T12:00"),
    ],
)
def test_what_is_wrong_is_said(
    restaurant: Callable[..., OpenRestaurant], words: tuple[str, ...]
) -> None:
    restaurant()
    assert run("messages", *words, ends=2).output.startswith(("maitred: ", "Usage"))
