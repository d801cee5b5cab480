"""The staff's changes: decided immediately; a refused one writes nothing and notifies nobody."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.core.errors import NotSeated, RevisionConflict, StateConflict
from models.entities import Message, Reservation, ReservationChange, ReservationMove
from models.integrity.check import findings
from models.operations.reservations.changes import cancel_reservation
from models.operations.reservations.staff_changes import change_by_staff
from models.rules.reservations.requests import TableChange
from tests.operations.evenings import (
    HOUR,
    LUNCH_AND_DINNER,
    ONE_TABLE,
    QUARTER,
    TWO_TABLES,
    a_stand,
    history,
    told,
    wish_row,
)
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both

WRITTEN = (ReservationChange, ReservationMove, Message)


def change(stand: Stand, number: int, *, more: dict[str, Any] | None = None, **wish: Any) -> bool:
    asked = TableChange(**wish)
    said: dict[str, Any] = {"now": NOW, "actor": STAFF, **(more or {})}
    return stand.do(lambda session: change_by_staff(session, number, change=asked, **said))


def cancel(stand: Stand, number: int, *, notify: bool = True) -> None:
    said: dict[str, Any] = {"now": NOW, "actor": STAFF, "by_staff": True, "notify": notify}
    stand.do(lambda session: cancel_reservation(session, number, **said))


def written(stand: Stand) -> list[Any]:
    """The numbers of rows, and the revision of each party."""
    with Session(stand.bind) as session:
        counts = [session.scalar(select(func.count()).select_from(each)) for each in WRITTEN]
        return [*counts, *session.scalars(select(Reservation.revision).order_by(Reservation.id))]


def mails(stand: Stand, number: int) -> list[tuple[str, str, str | None]]:
    """Kind, state and reason for skipping of each e-mail but reminders."""
    row = Message
    query = select(row.kind, row.state, row.error).where(
        row.reservation_id == number, row.channel == "email", row.kind != "reminder"
    )
    with Session(stand.bind) as session:
        return [(each[0], each[1], each[2]) for each in session.execute(query.order_by(row.id))]


def reminders(stand: Stand, number: int) -> list[timedelta]:
    """The due times of the last revision's reminders, relative to START."""
    row = Message
    query = select(row.due_at).where(
        row.reservation_id == number,
        row.kind == "reminder",
        row.reservation_revision == stand.row(number).revision,
    )
    with Session(stand.bind) as session:
        return sorted(START - due for due in session.scalars(query))


def in_order(stand: Stand) -> None:
    with reading(stand.bind) as session:
        assert findings(session, now=NOW, grace_seconds=10**9) == []


def test_what_fits_is_changed_in_the_request_itself(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    assert change(stand, number, party_size=4, starts_at=START + HOUR)
    row = stand.row(number)
    assert (row.status, row.party_size, row.starts_at) == ("confirmed", 4, START + HOUR)
    assert stand.held(number) == {"3": (4, 11)}
    assert told(stand, number) == ["confirmation", "changed"]
    assert stand.drain() == 0
    in_order(stand)


def test_what_does_not_fit_leaves_nothing_and_nobody_hears_of_it(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    stand.ask(start=START + HOUR)
    stand.ask(start=START + HOUR)
    number = stand.ask(start=START - HOUR)
    before, held = written(stand), stand.held(number)
    for wish, reason in (
        ({"starts_at": START + HOUR}, "full"),
        ({"party_size": 999}, "party_too_large"),
    ):
        with pytest.raises(NotSeated) as refused:
            change(stand, number, **wish)
        assert refused.value.reason == reason
    assert (written(stand), stand.held(number)) == (before, held)
    assert stand.drain() == 0
    assert change(stand, number, starts_at=START - HOUR + QUARTER)
    cancel(stand, number)
    assert told(stand, number) == ["confirmation", "changed", "cancelled"]


def test_the_guest_is_told_only_if_the_staff_say_so(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    assert change(stand, number, starts_at=START + HOUR, more={"notify": False})
    assert mails(stand, number)[1:] == [("changed", "skipped", "not_wanted")]
    # the guest is reminded of the new start all the same
    assert reminders(stand, number) == [timedelta(hours=2), timedelta(hours=23)]
    in_order(stand)
    cancel(stand, number, notify=False)
    assert mails(stand, number)[2:] == [("cancelled", "skipped", "not_wanted")]
    in_order(stand)


def test_nobody_else_goes_untold_with_the_guest(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    number, waits = stand.ask(), stand.ask()
    assert change(stand, number, starts_at=START + 8 * QUARTER, more={"notify": False})
    stand.drain()
    assert mails(stand, waits) == [
        ("waitlisted", "queued", None),
        ("confirmation", "queued", None),
    ]


def test_a_wish_of_the_guest_that_waits_is_answered_first(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    wish = stand.wish(number, party_size=4)
    assert change(stand, number, starts_at=START + HOUR)
    row = stand.row(number)
    assert (row.party_size, row.starts_at) == (4, START + HOUR)
    assert wish_row(stand, wish).status == "accepted"
    assert told(stand, number) == ["confirmation", "changed", "changed"]
    assert [reason for _, _, reason in history(stand, number)] == ["decision", "changed", "changed"]
    in_order(stand)


def test_a_wish_of_the_guest_waits_on_when_the_staffs_does_not_fit(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    wish = stand.wish(number, party_size=4)
    with pytest.raises(NotSeated):
        change(stand, number, party_size=999)
    assert wish_row(stand, wish).status == "requested"
    stand.drain()
    assert (wish_row(stand, wish).status, stand.row(number).party_size) == ("accepted", 4)


def test_into_another_book_and_back(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, shifts=LUNCH_AND_DINNER)
    number = stand.ask()
    assert change(stand, number, starts_at=START - 6 * HOUR)
    assert stand.held(number) == {"1": (-24, -18)}
    assert change(stand, number, starts_at=START)
    assert stand.held(number) == {"1": (0, 6)}
    stand.drain()
    in_order(stand)


def test_a_waitlisted_party_is_moved_to_where_there_is_room(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    stand.ask()
    number = stand.ask()
    assert change(stand, number, starts_at=START + 6 * QUARTER)
    assert stand.row(number).status == "confirmed"
    assert told(stand, number) == ["waitlisted", "confirmation"]


def test_the_same_change_again_is_done_already(db: Engine) -> None:
    """Also with the old revision: the answer to the first may have been lost."""
    stand = a_stand(db)
    number = stand.ask(2)
    known = {"if_revision": stand.row(number).revision}
    assert change(stand, number, party_size=4, more=known)
    before = written(stand)
    assert not change(stand, number, party_size=4, more=known)
    assert written(stand) == before
    with pytest.raises(RevisionConflict):
        change(stand, number, party_size=3, more=known)


def test_a_request_has_its_own_answer_first(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.request(2)
    with pytest.raises(StateConflict, match="not decided yet"):
        change(stand, number, party_size=4)
    stand.drain()
    assert change(stand, number, party_size=4)


def test_a_booking_of_the_staff_is_told_only_if_they_say_so(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.book(2, notify=False)
    assert mails(stand, number) == [("confirmation", "skipped", "not_wanted")]
    assert len(reminders(stand, number)) == 2
    in_order(stand)
