"""Two notes: the guest's wishes, visible to the guest, and the staff's private note."""

from typing import Any

import pytest
from sqlalchemy import Engine, update

from models.core.database.transactions import reading
from models.entities import Reservation, ReservationMove
from models.operations.guests.forgetting import forget_reservations
from models.operations.reservations.changes import edit_details
from models.queries.book.book import book_of
from models.queries.floor.load import restaurant_by_id
from models.queries.guests.privacy import export_guest
from models.queries.reservations.reservations import reservation_view
from tests.operations.evenings import a_stand, outgoing
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both

ALLERGY = "no nuts, please"
TIPS = "tips badly"


@pytest.fixture
def stand(db: Engine) -> Stand:
    return a_stand(db)


def edit(stand: Stand, number: int, *, actor: str = STAFF, **changes: Any) -> None:
    stand.do(lambda session: edit_details(session, number, now=NOW, actor=actor, **changes))


def notes(stand: Stand, number: int) -> tuple[str, str]:
    """The guest's and the staff's note; the view and the book must agree."""
    with reading(stand.bind) as session:
        view = reservation_view(session, number)
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        book = book_of(session, restaurant, START.date(), now=NOW)
    (line,) = [each for each in book.reservations if each.id == number]
    assert (line.note, line.staff_note) == (view.note, view.staff_note)
    return view.note, view.staff_note


def mailed(stand: Stand) -> set[str]:
    """The notes in the due messages."""
    return {each.note for each in outgoing(stand)}


def as_of_before(stand: Stand, number: int, **values: Any) -> None:
    """Set the row as the release with one note wrote it."""
    row = update(Reservation).where(Reservation.id == number)
    stand.plant(row.values(notes_revision=None, staff_note_sealed=None, **values))


def edited_before(stand: Stand, number: int, *, actor: str) -> None:
    """That release edited its only note."""
    revision = stand.row(number).revision + 1
    move: dict[str, Any] = {"before": "confirmed", "after": "confirmed", "reason": "edited"}
    stand.plant(
        ReservationMove(reservation_id=number, at=NOW, revision=revision, actor=actor, **move),
        update(Reservation).where(Reservation.id == number).values(revision=revision),
    )


def test_what_the_staff_write_leaves_the_guests_wishes_alone(stand: Stand) -> None:
    number = stand.ask(note=ALLERGY)
    edit(stand, number, staff_note=TIPS)
    assert notes(stand, number) == (ALLERGY, TIPS)
    edit(stand, number, actor="guest", note="no fish either")
    assert notes(stand, number) == ("no fish either", TIPS)
    edit(stand, number, staff_note="")
    assert notes(stand, number) == ("no fish either", "")


def test_no_message_carries_what_the_staff_wrote(stand: Stand) -> None:
    number = stand.book(note=ALLERGY, staff_note=TIPS)
    assert notes(stand, number) == (ALLERGY, TIPS)
    assert mailed(stand) == {ALLERGY}


@pytest.mark.parametrize("source", ["staff", "walk_in"])
def test_a_note_that_the_staff_wrote_before_is_no_longer_shown(stand: Stand, source: str) -> None:
    number = stand.ask(note=TIPS)
    as_of_before(stand, number, source=source)
    assert notes(stand, number) == ("", TIPS)
    assert mailed(stand) == {""}


def test_a_note_that_the_staff_edited_before_is_no_longer_shown(stand: Stand) -> None:
    number = stand.ask(note=TIPS)
    as_of_before(stand, number)
    edited_before(stand, number, actor="guest")
    assert notes(stand, number) == (TIPS, "")
    edited_before(stand, number, actor=STAFF)
    assert notes(stand, number) == ("", TIPS)
    assert mailed(stand) == {""}


def test_a_guest_who_writes_anew_does_not_wipe_what_the_staff_wrote_before(stand: Stand) -> None:
    number = stand.ask(note=TIPS)
    as_of_before(stand, number, source="staff")
    edit(stand, number, actor="guest", note=ALLERGY)
    assert notes(stand, number) == (ALLERGY, TIPS)


def test_an_edit_of_the_release_before_is_the_staffs_too(stand: Stand) -> None:
    """During an update both releases write: the older one has only one note."""
    number = stand.ask(note=ALLERGY)
    edited_before(stand, number, actor=STAFF)
    assert notes(stand, number) == ("", ALLERGY)


def test_the_guest_is_given_a_copy_and_nothing_is_left_when_forgotten(stand: Stand) -> None:
    number = stand.book(email="ada@example.com", note=ALLERGY, staff_note=TIPS)
    with reading(stand.bind) as session:
        (row,) = export_guest(session, "ada@example.com")["reservations"]
    assert (row["note"], row["staff_note"]) == (ALLERGY, TIPS)
    stand.do(lambda session: forget_reservations(session, [number], now=NOW, actor="clock"))
    assert (stand.row(number).staff_note, stand.row(number).staff_note_sealed) == ("", None)
