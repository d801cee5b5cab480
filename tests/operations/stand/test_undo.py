"""Every step at the stand can be undone, also a cancellation, before and after its message."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.core.errors import StateConflict
from models.entities import Message, Reservation
from models.integrity.check import findings
from models.operations.reservations.changes import cancel_reservation
from models.operations.reservations.repeats import ActsOn
from models.operations.stand.arrivals import arrive, finish, mark_no_show, seat
from models.operations.stand.undo import take_back
from models.rules.reservations.lifecycle import UNDO_CANCELLATION, UNDO_PAUSE, Status
from tests.operations.evenings import ONE_TABLE, TWO_TABLES, a_stand, history, told
from tests.operations.evenings import outgoing as sent_now
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both
SOON = NOW + timedelta(seconds=10)
Verb = Callable[..., None]
#: the steps of a party, and the states that undoing them one by one leads back through
WAYS: dict[str, tuple[list[Verb], list[str]]] = {
    "arrival": ([arrive], ["confirmed"]),
    "seating": ([seat], ["confirmed"]),
    "seating of who arrived": ([arrive, seat], ["arrived", "confirmed"]),
    "finish": ([arrive, seat, finish], ["seated", "arrived", "confirmed"]),
    "finish of who never sat": ([finish], ["confirmed"]),
    "no-show": ([mark_no_show], ["confirmed"]),
    "no-show of who arrived": ([arrive, mark_no_show], ["arrived", "confirmed"]),
    "arrival of a no-show": ([mark_no_show, arrive], ["no_show", "confirmed"]),
    "seating of a no-show": ([mark_no_show, seat], ["no_show", "confirmed"]),
    "no-show after the finish": ([finish, mark_no_show], ["finished", "confirmed"]),
}


def minutes(count: float) -> datetime:
    return START + timedelta(minutes=count)


def cancel(stand: Stand, number: int, *, now: datetime = NOW, **more: Any) -> None:
    said: dict[str, Any] = {"now": now, "actor": STAFF, "by_staff": True} | more
    stand.do(lambda session: cancel_reservation(session, number, **said))


def in_order(stand: Stand, *, now: datetime) -> None:
    with reading(stand.bind) as session:
        assert findings(session, now=now, grace_seconds=10**9) == []


def outgoing(stand: Stand, *, now: datetime = NOW) -> list[str]:
    """Send what is due; return the kinds."""
    kinds = [each.kind for each in sent_now(stand, now=now)]
    stand.plant(update(Message).where(Message.state == "sent").values(claim="worker"))
    return kinds


def reminders(stand: Stand, number: int) -> list[tuple[str, int, int]]:
    """State, revision and variant of each reminder by e-mail."""
    row = Message
    query = select(row.state, row.reservation_revision, row.variant).where(
        row.reservation_id == number, row.kind == "reminder", row.channel == "email"
    )
    with Session(stand.bind) as session:
        return [(each[0], each[1], each[2]) for each in session.execute(query.order_by(row.id))]


def sent(stand: Stand, number: int) -> list[str]:
    """The kinds of the mails that have gone, in order."""
    row = Message
    query = select(row.kind).where(
        row.reservation_id == number, row.channel == "email", row.state == "sent"
    )
    with Session(stand.bind) as session:
        return list(session.scalars(query.order_by(row.id)))


@pytest.mark.parametrize("way", WAYS)
def test_every_step_is_undone_to_where_the_party_was(db: Engine, way: str) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number, (steps, back) = stand.ask(2), WAYS[way]
    for verb in steps:
        stand.move(verb, number, now=minutes(1))
    for status in back:
        before = Status(stand.row(number).status)
        stand.move(take_back, number, now=minutes(2), acts_on=ActsOn(status=before))
        assert stand.row(number).status == status
        in_order(stand, now=minutes(2))
    row = stand.row(number)
    assert (row.arrived_at, row.seated_at, row.finished_at) == (None, None, None)
    assert stand.held(number) == {"1": (0, 6)}
    stand.move(seat, number, now=minutes(3))
    in_order(stand, now=minutes(3))


def test_an_undone_arrival_frees_the_party_for_the_next_steps(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.ask(2)
    for verb in (arrive, take_back, arrive, seat, take_back):
        stand.move(verb, number, now=minutes(1))
    assert stand.row(number).status == "arrived"
    assert [reason for _, _, reason in history(stand, number)][1:] == [
        "arrival", "taken_back", "arrival", "seating", "taken_back"
    ]  # fmt: skip


def test_an_undone_cancellation_whose_message_waits_sends_nothing(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.ask(2)
    outgoing(stand)
    before = reminders(stand, number)
    cancel(stand, number)
    assert stand.held(number) == {}
    assert outgoing(stand, now=SOON) == []
    stand.move(take_back, number, now=SOON)
    assert (stand.row(number).status, stand.held(number)) == ("confirmed", {"1": (0, 6)})
    assert outgoing(stand, now=NOW + UNDO_PAUSE) == []
    assert sent(stand, number) == ["confirmation"]
    assert (reminders(stand, number), len(before)) == (before, 2)
    assert history(stand, number)[-1] == ("cancelled", "confirmed", "taken_back")
    in_order(stand, now=SOON)


def test_the_guest_of_an_undone_cancellation_that_was_told_hears_that_it_stands(
    db: Engine,
) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.ask(2)
    cancel(stand, number)
    late = NOW + UNDO_PAUSE
    assert outgoing(stand, now=late)[-1] == "cancelled"
    stand.move(take_back, number, now=late)
    assert told(stand, number) == ["confirmation", "cancelled", "confirmation"]
    assert history(stand, number)[-1] == ("cancelled", "confirmed", "stands_again")
    # one set of reminders, of the new message
    assert reminders(stand, number) == [("queued", 4, 1440), ("queued", 4, 180)]
    in_order(stand, now=late)


def test_the_staff_may_tell_the_guest_themselves_that_it_stands(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.ask(2)
    cancel(stand, number)
    late = NOW + UNDO_PAUSE
    outgoing(stand, now=late)
    stand.move(take_back, number, now=late, notify=False)
    assert outgoing(stand, now=late) == []
    assert len(reminders(stand, number)) == 2
    in_order(stand, now=late)


def test_a_message_that_the_cancellation_stopped_goes_after_its_undo(db: Engine) -> None:
    """A confirmation not sent yet, and a reminder that came due meanwhile."""
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.ask(2)
    cancel(stand, number)
    skipped = {"state": "skipped", "error": "superseded"}
    row = Message
    stand.plant(
        update(row)
        .where(row.reservation_id == number, row.kind.in_(("confirmation", "reminder")))
        .values(**skipped)
    )
    stand.move(take_back, number, now=SOON)
    assert outgoing(stand, now=SOON) == ["confirmation"]
    assert [state for state, _, _ in reminders(stand, number)] == ["queued", "queued"]
    in_order(stand, now=SOON)


def test_the_cancellation_of_a_guest_can_be_undone_too(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.ask(2)
    stand.cancel(number)
    stand.move(take_back, number, now=SOON)
    assert stand.row(number).status == "confirmed"
    in_order(stand, now=SOON)


def test_a_cancelled_request_is_decided_after_all(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.request(2)
    cancel(stand, number)
    stand.move(take_back, number, now=SOON)
    assert stand.row(number).status == "requested"
    stand.drain(now=SOON)
    assert stand.row(number).status == "confirmed"
    in_order(stand, now=SOON)


def test_a_waitlisted_party_waits_again(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    stand.ask(2)
    number = stand.ask(2)
    cancel(stand, number)
    stand.move(take_back, number, now=SOON)
    assert stand.row(number).status == "waitlisted"
    in_order(stand, now=SOON)


def test_a_cancelled_party_that_was_here_is_here_again(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.ask(2)
    stand.move(arrive, number, now=minutes(0))
    cancel(stand, number, now=minutes(5))
    outgoing(stand, now=minutes(6))
    stand.move(take_back, number, now=minutes(7))
    row = stand.row(number)
    assert (row.status, row.arrived_at) == ("arrived", START)
    assert history(stand, number)[-1] == ("cancelled", "arrived", "taken_back")
    in_order(stand, now=minutes(7))


def refused(stand: Stand, number: int, words: str, *, now: datetime = SOON) -> None:
    before = (stand.row(number).revision, stand.held(number), told(stand, number))
    with pytest.raises(StateConflict, match=words):
        stand.move(take_back, number, now=now)
    assert before == (stand.row(number).revision, stand.held(number), told(stand, number))


def test_a_cancellation_is_not_undone_when_its_table_is_given_away(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    number, waits = stand.ask(2), stand.ask(2)
    cancel(stand, number)
    stand.drain()
    refused(stand, number, f"held by another party: 1 .*{stand.row(waits).reference}")
    with Session(stand.bind) as session:
        row = Message
        query = select(row.state).where(row.reservation_id == number, row.kind == "cancelled")
        assert session.scalars(query).all() == ["queued"]


def test_a_cancellation_is_not_undone_an_hour_later_or_without_its_guest(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.ask(2)
    cancel(stand, number)
    later = NOW + UNDO_CANCELLATION + timedelta(seconds=1)
    refused(stand, number, "more than 30 minutes ago", now=later)
    stand.plant(update(Reservation).where(Reservation.id == number).values(forgotten_at=NOW))
    refused(stand, number, "were erased")


def test_an_undone_cancellation_that_comes_again_has_done_nothing(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.ask(2)
    cancel(stand, number)
    seen = stand.row(number).revision
    outgoing(stand, now=NOW + UNDO_PAUSE)
    for acts_on in (ActsOn(), ActsOn(Status.CANCELLED), ActsOn(revision=seen)):
        stand.move(take_back, number, now=NOW + UNDO_PAUSE, acts_on=acts_on)
    assert stand.row(number).revision == seen + 1
    assert told(stand, number) == ["confirmation", "cancelled", "confirmation"]
