"""Changes: the old table is held until there is a new one; a cancellation frees it immediately."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.orm import Session

from models.core.errors import Invalid, NotFound, RevisionConflict, StateConflict
from models.core.secrets.signing import contact_key
from models.entities import (
    Area,
    Assignment,
    Closure,
    Message,
    Reservation,
    ReservationMove,
    Restaurant,
    TableOccupancy,
)
from models.operations.reservations.changes import (
    cancel_reservation,
    edit_details,
    request_change,
)
from models.operations.reservations.staff_changes import change_by_staff
from models.operations.stand.arrivals import arrive, seat
from models.rules.reservations.requests import GuestDetails, TableChange
from tests.operations.evenings import (
    HOUR,
    LUNCH_AND_DINNER,
    ONE_TABLE,
    QUARTER,
    TWO_TABLES,
    a_stand,
    book_rows,
    history,
    one_round,
    quarters_held,
    revise,
    statuses,
    told,
    wish_row,
)
from tests.services.counting import counting
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both

ADA: dict[str, Any] = {"email": "ada@example.com"}
DAY = timedelta(days=1)


def by_staff(stand: Stand, number: int, *, now: Any = NOW, **change: Any) -> None:
    """The staff change a reservation, decided immediately."""
    wish = TableChange(**change)
    stand.do(lambda session: change_by_staff(session, number, change=wish, now=now, actor=STAFF))


def assigned(stand: Stand, number: int) -> list[int]:
    query = select(Assignment.dining_table_id).where(Assignment.reservation_id == number)
    with Session(stand.bind) as session:
        return sorted(session.scalars(query))


def reminders(stand: Stand, number: int, revision: int) -> int:
    row = Message
    query = select(func.count()).where(
        row.reservation_id == number,
        row.kind == "reminder",
        row.reservation_revision == revision,
    )
    with Session(stand.bind) as session:
        return session.scalar(query) or 0


# --- a confirmed reservation


def test_an_accepted_change_gives_the_new_table_and_frees_the_old(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    wish = stand.wish(number, party_size=4, starts_at=START + HOUR)
    assert stand.row(number).party_size == 2
    stand.drain()
    row = stand.row(number)
    assert (row.status, row.party_size, row.starts_at) == ("confirmed", 4, START + HOUR)
    assert row.ends_at == START + HOUR + timedelta(minutes=105)
    assert stand.held(number) == {"3": (4, 11)}
    assert assigned(stand, number) == [stand.restaurant.tables["3"]]
    assert (wish_row(stand, wish).status, wish_row(stand, wish).decided_at) == ("accepted", NOW)
    assert told(stand, number) == ["confirmation", "changed"]
    assert history(stand, number)[1:] == [("confirmed", "confirmed", "changed")]
    assert reminders(stand, number, row.revision) == 2


def test_a_refused_change_leaves_everything_as_it_was(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    stand.ask(start=START + HOUR)
    stand.ask(start=START + HOUR)
    number = stand.ask(start=START - HOUR)
    before, held = stand.row(number), stand.held(number)
    wish = stand.wish(number, starts_at=START + HOUR)
    stand.drain()
    row = stand.row(number)
    same = ("status", "party_size", "starts_at", "ends_at", "book_id", "reason")
    assert [getattr(row, name) for name in same] == [getattr(before, name) for name in same]
    assert stand.held(number) == held
    refused = wish_row(stand, wish)
    assert (refused.status, refused.reason) == ("refused", "full")
    assert len(refused.alternatives or []) == 3
    assert told(stand, number) == ["confirmation", "change_refused"]
    assert history(stand, number)[1:] == [("confirmed", "confirmed", "change_refused")]


def test_a_refused_partys_table_is_not_given_away_in_the_round(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    numbers = [stand.ask(), stand.ask(start=START + 6 * QUARTER)]
    stand.wish(numbers[0], starts_at=START + 7 * QUARTER)
    later = stand.request(now=NOW + timedelta(seconds=1))
    assert one_round(stand).count == 2
    assert statuses(stand, [*numbers, later]) == ["confirmed", "confirmed", "waitlisted"]
    assert stand.held(numbers[0]) == {"1": (0, 6)}


def test_a_party_may_move_into_its_own_old_time(db: Engine) -> None:
    """Its own table and its own covers do not block it."""
    stand = a_stand(db, tables=ONE_TABLE, policies={"pacing": {"covers": 2}})
    number = stand.ask(1)
    stand.change(number, starts_at=START + QUARTER)
    assert stand.held(number) == {"1": (1, 7)}
    stand.change(number, party_size=2)
    assert stand.held(number) == {"1": (1, 7)}
    assert stand.row(number).party_size == 2
    assert quarters_held(stand) == 6


def test_until_the_change_is_decided_the_old_table_is_nobody_elses(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    number = stand.ask()
    other = stand.request(waitlist=False)
    stand.wish(number, starts_at=START + 8 * QUARTER)
    stand.drain()  # the request is older than the change request
    assert statuses(stand, [number, other]) == ["confirmed", "declined"]
    assert stand.held(number) == {"1": (8, 14)}
    assert stand.held(stand.ask()) == {"1": (0, 6)}


def test_after_the_change_the_old_table_goes_to_a_later_request(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    number = stand.ask()
    stand.wish(number, starts_at=START + 8 * QUARTER)
    later = stand.request(now=NOW + timedelta(seconds=1))
    assert one_round(stand).count == 2
    assert stand.held(number) == {"1": (8, 14)}
    assert stand.held(later) == {"1": (0, 6)}


def test_a_change_into_another_book(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, shifts=LUNCH_AND_DINNER)
    number = stand.ask()
    stand.change(number, starts_at=START + DAY - 6 * HOUR)
    row = stand.row(number)
    lunch = next(
        book for book in book_rows(stand) if book.shift_id == stand.restaurant.shifts["lunch"]
    )
    assert (row.book_id, stand.held(number)) == (lunch.id, {"1": (72, 78)})
    revisions = {book.id: book.revision for book in book_rows(stand)}
    assert revisions == {row.book_id: 1, min(revisions.keys() - {row.book_id}): 2}
    assert not [book for book in book_rows(stand) if book.freed_at]


def test_a_change_of_the_area_alone(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    stand.change(number, area_key="terrace")
    assert stand.held(number) == {"6": (0, 6)}
    stand.change(number, area_key="")  # any area
    assert stand.held(number) == {"1": (0, 6)}
    assert stand.row(number).area_id is None


def test_a_closed_day_refuses_the_change_and_keeps_the_table(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    wish = stand.wish(number, starts_at=START + DAY)
    revise(stand, Closure(restaurant_id=stand.restaurant.id, on_date=(START + DAY).date()))
    stand.drain()
    assert wish_row(stand, wish).reason == "closed"
    assert stand.held(number) == {"1": (0, 6)}


def test_a_party_that_leaves_a_closed_day_gives_its_table_back(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    revise(stand, Closure(restaurant_id=stand.restaurant.id, on_date=START.date()))
    stand.change(number, starts_at=START + DAY)
    assert stand.held(number) == {"1": (96, 102)}


def test_a_party_that_cannot_leave_a_closed_day_keeps_its_table(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    number = stand.ask()
    stand.ask(start=START + DAY)
    revise(stand, Closure(restaurant_id=stand.restaurant.id, on_date=START.date()))
    wish = stand.wish(number, starts_at=START + DAY)
    stand.drain()
    assert wish_row(stand, wish).reason == "full"
    assert stand.held(number) == {"1": (0, 6)}


def test_a_guest_changes_what_the_staff_booked(db: Engine) -> None:
    stand = a_stand(db)
    other = stand.ask(**ADA, start=START + 2 * HOUR)
    number = stand.book(2, **ADA)
    stand.change(number, starts_at=START + HOUR)  # the staff already allowed the two
    assert stand.held(number) == {"2": (4, 10)}
    assert stand.row(other).status == "confirmed"


def test_a_party_without_a_table_is_given_one_by_its_change(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    stand.plant(delete(Assignment), delete(TableOccupancy))
    stand.change(number, party_size=3)
    assert stand.held(number) == {"3": (0, 7)}


def test_nobody_changes_into_a_second_table_of_their_own(db: Engine) -> None:
    stand = a_stand(db)
    first = stand.ask(**ADA, start=START - 2 * HOUR)
    second = stand.ask(**ADA, start=START + HOUR)
    wish = stand.wish(second, starts_at=START - HOUR)
    stand.drain()
    assert (wish_row(stand, wish).status, wish_row(stand, wish).reason) == ("refused", "same_guest")
    stand.change(second, party_size=1)  # the start is unchanged, so there is nothing to object to
    assert stand.row(second).party_size == 1
    by_staff(stand, second, starts_at=START - HOUR)
    assert stand.row(second).starts_at == START - HOUR
    stand.change(first, party_size=1)
    assert stand.row(first).party_size == 1


def test_a_party_that_moved_may_ask_for_the_old_time_in_the_same_round(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(**ADA, start=START - HOUR)
    stand.wish(number, starts_at=START + 2 * HOUR)
    later = NOW + timedelta(seconds=1)
    numbers = [
        stand.request(**ADA, start=START - HOUR, now=later),
        stand.request(**ADA, start=START + HOUR, now=later),
    ]
    assert one_round(stand).count == 3
    assert statuses(stand, numbers) == ["confirmed", "declined"]


# --- the order of waiting work


def test_a_newer_wish_replaces_the_one_that_waits(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    wishes = [stand.wish(number, party_size=3), stand.wish(number, party_size=4)]
    stand.drain()
    assert [wish_row(stand, wish).status for wish in wishes] == ["superseded", "accepted"]
    assert stand.row(number).party_size == 4
    assert told(stand, number) == ["confirmation", "changed"]


def test_two_wishes_in_a_row_are_one_with_both(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    wishes = [
        stand.wish(number, party_size=4),
        stand.wish(number, starts_at=START + HOUR),
        stand.wish(number, area_key="hall"),
    ]
    stand.drain()
    row = stand.row(number)
    assert (row.party_size, row.starts_at) == (4, START + HOUR)
    assert row.area_id == stand.restaurant.areas["hall"]
    assert [wish_row(stand, wish).status for wish in wishes[:2]] == ["superseded"] * 2
    assert told(stand, number) == ["confirmation", "changed"]


def test_a_wish_taken_back_before_it_is_decided_changes_nothing(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    wish = stand.wish(number, party_size=4)
    assert stand.wish_or_withdraw(number, party_size=2) is None
    assert stand.drain() == 0
    assert wish_row(stand, wish).status == "dropped"
    assert told(stand, number) == ["confirmation"]
    assert stand.wish_or_withdraw(number, party_size=2) is None


def test_a_refused_change_never_offers_what_the_party_has(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    stand.ask(start=START + QUARTER)
    stand.ask(start=START + 4 * QUARTER)
    number = stand.ask(start=START - 6 * QUARTER)
    for table in (START + 8 * QUARTER, START + 9 * QUARTER, START + 10 * QUARTER):
        stand.ask(start=table)
    wish = stand.wish(number, starts_at=START)
    stand.drain()
    refused = wish_row(stand, wish)
    assert refused.status == "refused"
    assert refused.alternatives
    assert (START - 6 * QUARTER).isoformat() not in refused.alternatives


def test_a_wish_about_an_undecided_request_waits_for_its_answer(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.request(2)
    wish = stand.wish(number, party_size=4)
    first = one_round(stand)
    assert (first.count, first.more) == (1, True)
    assert (stand.row(number).party_size, wish_row(stand, wish).status) == (2, "requested")
    second = one_round(stand)
    assert second.count == 1
    assert stand.held(number) == {"3": (0, 7)}
    assert told(stand, number) == ["confirmation", "changed"]
    assert (one_round(stand).count, one_round(stand).more) == (0, False)


def test_a_wish_about_a_request_beyond_the_rounds_limit_waits_too(db: Engine) -> None:
    stand = a_stand(db)
    numbers = [stand.request(2), stand.request(2)]
    wish = stand.wish(numbers[1], party_size=4)
    while one_round(stand, limit=1).more:
        pass
    assert statuses(stand, numbers) == ["confirmed", "confirmed"]
    assert wish_row(stand, wish).status == "accepted"


def test_a_wish_about_a_declined_request_falls(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies={"waitlist": False})
    stand.ask()
    number = stand.request()
    wish = stand.wish(number, starts_at=START + 2 * HOUR)
    stand.drain()
    assert wish_row(stand, wish).status == "dropped"
    assert told(stand, number) == ["declined"]


def test_a_decided_change_with_a_waiting_caller_is_named(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    change = TableChange(party_size=4)
    wish = stand.do(
        lambda session: request_change(
            session,
            number,
            change=change,
            now=NOW,
            actor="guest",
            awaited=True,
        )
    )
    assert one_round(stand).awaited == (("change", wish),)


# --- a waitlisted party


def test_a_waitlisted_party_that_changes_to_a_free_start_is_confirmed(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    stand.ask()
    number = stand.ask()
    stand.change(number, starts_at=START + 6 * QUARTER)
    assert (stand.row(number).status, stand.row(number).reason) == ("confirmed", None)
    assert stand.held(number) == {"1": (6, 12)}
    assert told(stand, number) == ["waitlisted", "confirmation"]
    assert history(stand, number)[1:] == [("waitlisted", "confirmed", "decision")]


def test_a_waitlisted_party_may_wait_for_another_start(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies={"waitlist_parties": 1})
    stand.ask()
    number = stand.ask()
    wish = stand.wish(number, starts_at=START + QUARTER)
    stand.drain()
    row = stand.row(number)
    assert (row.status, row.starts_at, row.reason) == ("waitlisted", START + QUARTER, "full")
    assert wish_row(stand, wish).status == "accepted"  # it did not block itself
    assert told(stand, number) == ["waitlisted", "waitlisted"]


def test_a_waitlisted_party_whose_wish_cannot_be_waits_on(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies={"waitlist_parties": 1})
    stand.ask()
    number = stand.ask()
    wish = stand.wish(number, party_size=5)
    stand.drain()
    assert wish_row(stand, wish).reason == "party_too_large"
    assert (stand.row(number).status, stand.row(number).party_size) == ("waitlisted", 2)
    assert told(stand, number) == ["waitlisted", "change_refused"]
    assert stand.row(stand.ask()).reason == "waitlist_full"


def test_a_waitlisted_party_that_is_refused_keeps_its_place(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies={"waitlist_parties": 1})
    stand.ask()
    number = stand.ask()
    stand.wish(number, party_size=5)
    later = stand.request(now=NOW + timedelta(seconds=1))
    assert one_round(stand).count == 2
    assert (stand.row(number).status, stand.row(later).reason) == ("waitlisted", "waitlist_full")


def test_a_waitlisted_party_of_a_closed_day_may_go_elsewhere(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    stand.ask()
    numbers = [stand.ask(), stand.ask()]
    wishes = [stand.wish(numbers[0], starts_at=START + DAY), stand.wish(numbers[1], party_size=1)]
    revise(stand, Closure(restaurant_id=stand.restaurant.id, on_date=START.date()))
    stand.drain()
    assert statuses(stand, numbers) == ["confirmed", "waitlisted"]
    assert wish_row(stand, wishes[1]).reason == "closed"


# --- the staff


def test_the_staff_change_past_the_online_limits_and_it_counts(db: Engine) -> None:
    stand = a_stand(db, policies={"pacing": {"covers": 20, "online_covers": 4}})
    number = stand.ask(2)
    later = NOW + timedelta(seconds=1)
    by_staff(stand, number, party_size=6)
    other = stand.request(1, now=later)
    one_round(stand)
    assert stand.held(number) == {"5": (0, 8)}
    assert (stand.row(other).status, stand.row(other).reason) == ("waitlisted", "pacing")
    assert stand.row(stand.ask(1)).status == "waitlisted"


def test_the_staff_change_a_party_that_is_late(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    late = START + timedelta(minutes=40)
    with pytest.raises(StateConflict):
        stand.wish(number, now=late, party_size=4)
    by_staff(stand, number, now=late, party_size=4)
    assert stand.held(number) == {"3": (0, 7)}


# --- refused immediately


def test_mistake_6_no_edit_reaches_a_start_that_cannot_be_had(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    for start in (NOW - HOUR, NOW, START + timedelta(minutes=5), START + timedelta(days=80)):
        with pytest.raises(Invalid) as refused:
            stand.wish(number, starts_at=start)
        assert [each.field for each in refused.value.fields] == ["start"]
    soon = START - timedelta(minutes=10)
    with pytest.raises(Invalid, match="30 minutes ahead"):
        stand.wish(number, starts_at=START + QUARTER, now=soon)
    assert stand.drain() == 0


SOON = START - timedelta(minutes=10)


def test_fewer_guests_are_allowed_until_the_start_and_nothing_else(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(4)
    for change, field in (
        ({"party_size": 5}, "party_size"),
        ({"area_key": "hall"}, "area"),
        ({"starts_at": START + QUARTER}, "start"),
    ):
        with pytest.raises(Invalid) as refused:
            stand.wish(number, now=SOON, **change)
        assert [each.field for each in refused.value.fields] == [field]
    stand.wish(number, party_size=2, now=SOON)
    stand.drain(now=SOON)
    row = stand.row(number)
    assert (row.party_size, row.starts_at, row.status) == (2, START, "confirmed")


def test_what_was_agreed_is_not_asked_again_of_a_change(db: Engine) -> None:
    """The staff booked beyond the window and the online size; the guest may change the rest."""
    stand = a_stand(db, tables={"9": ("hall", 1, 12)})
    far = START + timedelta(days=140)
    number = stand.book(10, start=far, now=NOW)
    stand.wish(number, party_size=9)
    stand.drain()
    assert stand.row(number).party_size == 9
    stand.wish(number, starts_at=START)
    stand.drain()
    row = stand.row(number)
    assert (row.party_size, row.starts_at) == (9, START)
    with pytest.raises(Invalid) as refused:
        stand.wish(number, party_size=11)
    assert [each.field for each in refused.value.fields] == ["party_size"]


def test_a_party_whose_area_is_gone_is_not_put_elsewhere_unasked(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2, area_key="terrace")
    stand.plant(
        update(Area).where(Area.key == "terrace").values(active=False),
        update(Restaurant).values(revision=Restaurant.revision + 1),
    )
    with pytest.raises(Invalid) as refused:
        stand.wish(number, party_size=1)
    assert [each.field for each in refused.value.fields] == ["area"]
    assert stand.wish(number, party_size=1, area_key="hall")


def test_a_change_names_what_cannot_be(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    with pytest.raises(Invalid) as refused:
        stand.wish(number, party_size=40, area_key="moon")
    assert [each.field for each in refused.value.fields] == ["party_size", "area"]
    with pytest.raises(NotFound):
        stand.wish(number + 1, party_size=2)


def test_a_change_of_what_is_no_more_the_guests_is_a_conflict(db: Engine) -> None:
    stand = a_stand(db)
    numbers = [stand.ask(2), stand.ask(2)]
    stand.cancel(numbers[0])
    stand.move(arrive, numbers[1], now=START)
    for number in numbers:
        with pytest.raises(StateConflict):
            stand.wish(number, party_size=1)


def test_a_stale_revision_changes_nothing(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    change = TableChange(party_size=4)

    def wish(session: Session, revision: int) -> int | None:
        return request_change(
            session,
            number,
            change=change,
            now=NOW,
            actor="guest",
            if_revision=revision,
        )

    def cancel(session: Session, revision: int) -> None:
        cancel_reservation(
            session, number, now=NOW, actor="guest", by_staff=False, if_revision=revision
        )

    for work in (wish, cancel):
        with pytest.raises(RevisionConflict):
            stand.do(lambda session, work=work: work(session, 1))  # type: ignore[misc]
    stand.do(lambda session: wish(session, 2))
    stand.drain()
    # the change request is one step visible to the guest, its answer another
    stand.do(lambda session: cancel(session, 4))
    assert stand.row(number).status == "cancelled"


# --- changes without a decision


def edit(stand: Stand, number: int, **what: Any) -> None:
    stand.do(lambda session: edit_details(session, number, now=NOW, actor="guest", **what))


def test_details_change_at_once_and_only_a_new_contact_is_told(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    edit(stand, number, note="By the window")
    guest = GuestDetails("Grace", "grace@example.com", "+49302", "fr")
    edit(stand, number, guest=guest, if_revision=3)
    row = stand.row(number)
    assert (row.guest.note, row.guest.name, row.guest_locale) == ("By the window", "Grace", "fr")
    assert (row.email_key, row.phone_key) == (contact_key(guest.email), contact_key(guest.phone))
    first, *then = told(stand, number)
    assert first == "confirmation"
    # to two contacts, each its own message: neither has to precede the other
    assert sorted(then) == ["confirmation", "contact_changed"]
    reasons = [reason for _, _, reason in history(stand, number)]
    assert reasons == ["decision", "edited", "edited:~email,+sms"]
    with pytest.raises(RevisionConflict):
        edit(stand, number, note="Late", if_revision=3)
    stand.move(seat, number, now=START)
    edit(stand, number, note="Cake at nine")
    stand.change(stand.ask(2), party_size=1)
    cancelled = stand.ask(2)
    stand.cancel(cancelled)
    with pytest.raises(StateConflict):
        edit(stand, cancelled, note="Too late")


def test_the_guest_is_known_by_the_new_contact(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2, email="old@example.com")
    edit(stand, number, guest=GuestDetails("Ada", "new@example.com"))
    numbers = [stand.ask(2, email="new@example.com"), stand.ask(2, email="old@example.com")]
    assert statuses(stand, numbers) == ["declined", "confirmed"]


# --- cancelling


def test_a_cancelled_reservation_gives_everything_back(db: Engine) -> None:
    stand = a_stand(db)
    numbers = [stand.ask(4), stand.request(4)]
    for number in numbers:
        stand.cancel(number)
    assert statuses(stand, numbers) == ["cancelled"] * 2
    assert quarters_held(stand) == 0
    assert told(stand, numbers[0]) == ["confirmation", "cancelled"]
    assert history(stand, numbers[0])[1:] == [("confirmed", "cancelled", "cancellation")]
    assert history(stand, numbers[1])[-1][1:] == ("cancelled", "cancellation")
    assert stand.row(stand.ask(4)).status == "confirmed"


def test_cancelling_twice_is_cancelling_once(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    for _ in range(2):
        stand.cancel(number)
    assert told(stand, number) == ["confirmation", "cancelled"]
    assert stand.row(number).revision == 3


def test_an_undecided_request_may_be_cancelled_and_is_not_decided_then(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.request(2)
    wish = stand.wish(number, party_size=4)
    stand.cancel(number)
    assert (stand.row(number).status, quarters_held(stand)) == ("cancelled", 0)
    assert wish_row(stand, wish).status == "dropped"
    assert told(stand, number) == ["cancelled"]


def test_a_cancellation_drops_the_wish_that_waits(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    wish = stand.wish(number, party_size=4)
    stand.cancel(number)
    assert (wish_row(stand, wish).status, quarters_held(stand)) == ("dropped", 0)


def test_a_late_cancellation_is_known_as_one(db: Engine) -> None:
    stand = a_stand(db, policies={"cancel_cutoff_minutes": 60})
    numbers = [stand.ask(2) for _ in range(3)]
    revise(stand)  # the guest's agreed terms hold, whatever the file says now
    stand.cancel(numbers[0], now=START - timedelta(minutes=60))
    stand.cancel(numbers[1], now=START - timedelta(minutes=59))
    found = [history(stand, number)[-1][2] for number in numbers[:2]]
    assert found == ["cancellation", "late_cancellation"]
    with pytest.raises(StateConflict, match="call the restaurant"):
        stand.cancel(numbers[2], now=START)


def test_the_staff_cancel_any_party_that_has_not_sat_down(db: Engine) -> None:
    stand = a_stand(db)
    numbers = [stand.ask(2), stand.ask(2)]
    stand.move(arrive, numbers[0], now=START)
    stand.move(seat, numbers[1], now=START)

    def cancel(number: int, *, staff: bool) -> None:
        stand.do(
            lambda session: cancel_reservation(
                session, number, now=START, actor=STAFF, by_staff=staff
            )
        )

    with pytest.raises(StateConflict):
        cancel(numbers[0], staff=False)
    cancel(numbers[0], staff=True)
    assert stand.row(numbers[0]).status == "cancelled"
    for staff in (True, False):
        with pytest.raises(StateConflict):
            cancel(numbers[1], staff=staff)


def test_a_guest_without_contact_is_cancelled_in_silence(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.book(2, email=None)
    stand.cancel(number)
    assert (stand.row(number).status, told(stand, number)) == ("cancelled", [])


def test_a_restaurant_that_lost_the_terms_of_a_guest_counts_no_cutoff(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    stand.plant(update(Reservation).values(terms=None))
    stand.cancel(number, now=START - timedelta(minutes=1))
    assert history(stand, number)[-1][2] == "cancellation"


@pytest.mark.parametrize("wishes", [3, 30])
def test_reading_the_changes_costs_the_same_however_many_there_are(db: Engine, wishes: int) -> None:
    tables = {str(number): ("hall", 1, 2) for number in range(30)}
    stand = a_stand(db, tables=tables)
    numbers = [stand.request() for _ in range(wishes)]
    stand.drain()
    for number in numbers:
        stand.wish(number, starts_at=START + 6 * QUARTER)
    with counting(db) as statements:
        one_round(stand)
    looks = [text for text in statements.of("SELECT") if "assignments" not in text]
    own = [text for text in looks if text.startswith("SELECT table_occupancy.dining_table_id")]
    assert len(own) == wishes  # each party's own quarters
    # query, lock, restaurants, tables, pacing; change requests, parties, guests
    assert len(looks) - len(own) == 8


def test_the_history_names_who_did_what(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(2)
    stand.change(number, party_size=3)
    stand.cancel(number)
    with Session(db) as session:
        actors = session.scalars(select(ReservationMove.actor).order_by(ReservationMove.id)).all()
    assert actors == ["worker", "worker", "guest"]
