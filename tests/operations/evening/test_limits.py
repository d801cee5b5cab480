"""Online booking stopped or limited, a book closed for tonight, and several parties cancelled."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.core.errors import Invalid, NotAllowed, NotSeated, RevisionConflict
from models.entities import BookLimit, EveningAct, ReservationMove
from models.integrity.check import findings
from models.operations.evening.cancelling import Hurt, cancel_parties
from models.operations.evening.closing import Closing, close_tonight
from models.operations.evening.limits import reopen_books, sittings_of, stop_online
from models.operations.stand.arrivals import arrive
from models.operations.stand.confirming import confirm_waitlisted
from models.queries.floor.load import restaurant_by_id
from models.rules.evening.acts import Fate
from models.rules.restaurant.sittings import quarter_of
from tasks.messaging.templates.render import render_letter, render_sms
from tests.operations.evenings import (
    HOUR,
    LUNCH_AND_DINNER,
    ONE_TABLE,
    QUARTER,
    TWO_TABLES,
    a_stand,
    history,
    outgoing,
    rows_of,
    told,
)
from tests.services.running.offers import availability
from tests.services.running.stand import NOW, STAFF, START, Stand

pytestmark = pytest.mark.both
SORRY = "Our kitchen is flooded, we are very sorry."


def stop(
    stand: Stand, *, first: datetime = START - 4 * HOUR, now: datetime = NOW, **more: Any
) -> None:
    """Stop online booking of the day of START."""
    given: dict[str, Any] = {"covers": 0, "reason": ""} | more

    def work(session: Session) -> None:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        sittings = sittings_of(restaurant, START.date(), None)
        stop_online(
            session, restaurant, sittings, first=quarter_of(first), now=now, actor=STAFF, **given
        )

    stand.do(work)


def reopen(stand: Stand, *, may_open: bool = True) -> None:
    def work(session: Session) -> None:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        sittings = sittings_of(restaurant, START.date(), None)
        reopen_books(session, restaurant, sittings, may_open=may_open, now=NOW, actor=STAFF)

    stand.do(work)


def closed(
    stand: Stand, *, now: datetime = NOW, shift: str | None = None, **more: Any
) -> dict[int, Hurt]:
    """Close the day of START; return what became of each party concerned."""
    given: dict[str, Any] = {"first": quarter_of(START - 4 * HOUR), "parties": Fate.CANCEL}
    closing = Closing(reason="a flood", message=SORRY, **given | more)

    def work(session: Session) -> list[Hurt]:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        sittings = sittings_of(restaurant, START.date(), shift)
        return close_tonight(session, restaurant, sittings, closing, now=now, actor=STAFF)

    return {each.party.id: each for each in stand.do(work)}


def close(stand: Stand, **more: Any) -> dict[int, bool]:
    """Close the day of START; return whether each party concerned was cancelled."""
    return {number: each.is_cancelled for number, each in closed(stand, **more).items()}


def cancel(stand: Stand, ids: list[int], **more: Any) -> list[Hurt]:
    given: dict[str, Any] = {"message": SORRY, "notify": True} | more

    def work(session: Session) -> list[Hurt]:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        return cancel_parties(session, restaurant, ids, now=NOW, actor=STAFF, **given)

    return stand.do(work)


def offered(stand: Stand) -> list[datetime]:
    """The starts that two guests are offered that day."""
    with reading(stand.bind) as session:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        found = availability(session, restaurant, on_date=START.date(), party_size=2, now=NOW)
    return [slot.starts_at for slot in found]


def checked(stand: Stand, *, now: datetime = NOW) -> list[str]:
    """The violations that `maitred check` finds."""
    with reading(stand.bind) as session:
        found = findings(session, now=now, grace_seconds=10**6)
    return [f"{each.rule}: {each.text}" for each in found]


def test_a_stop_ends_online_booking_and_nothing_else(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    before = stand.ask()
    stop(stand)
    assert offered(stand) == []
    late = stand.ask()
    assert (stand.row(late).status, stand.row(late).reason) == ("declined", "stopped")
    assert stand.row(before).status == "confirmed"
    assert stand.row(stand.book(2)).status == "confirmed"  # the staff may
    assert checked(stand) == []


def test_a_stop_from_a_start_on_leaves_the_earlier_ones(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    stop(stand, first=START)
    assert max(offered(stand)) == START - timedelta(minutes=15)
    assert stand.row(stand.ask(start=START - timedelta(minutes=15))).status == "confirmed"


def test_a_limit_lowers_what_starts_online_in_an_interval(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    stop(stand, covers=2)
    assert START in offered(stand)
    first, second = stand.ask(waitlist=False), stand.ask(waitlist=False)
    assert [stand.row(each).reason for each in (first, second)] == [None, "pacing"]
    assert START not in offered(stand)
    assert stand.row(stand.book(2)).status == "confirmed"


def test_the_waitlist_is_not_promoted_while_stopped_and_is_when_reopened(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    has, waits = stand.ask(), stand.ask()
    stop(stand)
    stand.cancel(has)
    assert stand.row(waits).status == "waitlisted"
    reopen(stand)
    stand.drain()
    assert stand.row(waits).status == "confirmed"
    before = stand.revision()
    reopen(stand)  # again: nothing
    assert stand.revision() == before
    assert checked(stand) == []


def test_the_staff_may_confirm_a_waitlisted_party_while_stopped(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    has, waits = stand.ask(), stand.ask()
    stop(stand)
    stand.cancel(has)
    stand.move(confirm_waitlisted, waits, now=NOW)
    assert stand.row(waits).status == "confirmed"
    assert checked(stand) == []


def test_the_same_stop_again_does_nothing(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    stop(stand)
    before = stand.revision()
    stop(stand)
    assert (stand.revision(), rows_of(stand, EveningAct)) == (before, 1)
    stop(stand, covers=4)
    assert stand.revision() > before
    with pytest.raises(RevisionConflict):
        stop(stand, if_revision=before)


def test_the_check_names_a_party_confirmed_after_the_stop(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    number = stand.ask()
    stop(stand)
    assert checked(stand) == []
    stand.plant(update(BookLimit).values(made_at=NOW - HOUR))
    assert [each.partition(":")[0] for each in checked(stand)] == ["limited"]
    assert stand.row(number).status == "confirmed"


def test_a_closed_book_gives_nobody_a_table(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    close(stand)
    assert offered(stand) == []
    late = stand.ask()
    assert (stand.row(late).status, stand.row(late).reason) == ("declined", "closed")
    for tables in ((), ("1",)):
        with pytest.raises(NotSeated) as refused:
            stand.book(2, tables=tables)
        assert refused.value.reason == "closed"
    with pytest.raises(NotAllowed):
        reopen(stand, may_open=False)
    reopen(stand)
    assert stand.row(stand.book(2)).status == "confirmed"


def test_closing_cancels_who_would_come_and_leaves_who_is_here(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES, policies={"lead_minutes": 0, "reminder_minutes": []})
    here, comes, waits = stand.book(2), stand.ask(), stand.ask()
    asks = stand.request()
    stand.move(arrive, here, now=START)
    hurt = close(stand, now=START)
    assert hurt == {here: False, comes: True, waits: True}
    stand.drain(now=START)
    states = [stand.row(each).status for each in (here, comes, waits, asks)]
    assert states == ["arrived", "cancelled", "cancelled", "declined"]
    assert told(stand, comes)[-1] == told(stand, waits)[-1] == "cancelled"
    assert close(stand, now=START) == {here: False}  # again: nobody is left
    assert checked(stand, now=START + HOUR) == []


def test_closing_may_keep_and_list_the_parties(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    number = stand.ask()
    assert close(stand, parties=Fate.KEEP) == {number: False}
    assert stand.row(number).status == "confirmed"


def test_closing_without_a_start_leaves_who_is_late_or_not_recorded(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES, policies={"lead_minutes": 0, "reminder_minutes": []})
    late, comes = stand.ask(), stand.ask(start=START + HOUR)
    now = START + HOUR / 4
    assert close(stand, now=now, begun=False) == {late: False, comes: True}
    assert (stand.row(late).status, stand.row(comes).status) == ("confirmed", "cancelled")
    assert close(stand, now=now) == {late: True}, "the host named the first start"


@pytest.mark.parametrize("fate", [Fate.MOVE, Fate.MOVE_OR_CANCEL])
def test_closing_moves_parties_to_the_nearest_free_start_and_tells_them(
    db: Engine, fate: Fate
) -> None:
    policies = {"lead_minutes": 0, "reminder_minutes": []}
    stand = a_stand(db, tables=TWO_TABLES, policies=policies)
    before = stand.ask(start=START - HOUR)  # until 30 minutes after START
    parties = [stand.ask(), stand.ask(start=START + HOUR)]
    (first, second), now = parties, START - 2 * HOUR
    limit: dict[str, Any] = {"first": quarter_of(START), "parties": fate, "within": 2 * HOUR}
    found = closed(stand, now=now, **limit)
    # one table is free until START; for the other party nothing is free so near
    assert found[first].moved_to == START - QUARTER
    assert (found[second].moved_to, found[second].is_cancelled) == (
        None,
        fate is Fate.MOVE_OR_CANCEL,
    )
    assert found[first].notified_by == ("email",)
    row = stand.row(first)
    assert (row.status, row.starts_at) == ("confirmed", START - QUARTER)
    assert history(stand, first)[-1] == ("confirmed", "confirmed", "changed")
    assert checked(stand, now=now) == []
    sent = [each for each in outgoing(stand, now=now + HOUR) if each.kind == "changed"]
    assert [SORRY in render_letter(each).text for each in sent] == [True]
    again = closed(stand, now=now, **limit)
    assert first not in again and stand.row(before).revision == 2


def test_closing_a_shift_moves_its_parties_to_another_one(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, shifts=LUNCH_AND_DINNER)
    number = stand.ask(start=START - 4 * HOUR)
    for within, moved_to in ((HOUR, None), (3 * HOUR, START - 2 * HOUR)):
        first = quarter_of(START - 8 * HOUR)
        found = closed(stand, shift="lunch", first=first, parties=Fate.MOVE, within=within)
        assert found[number].moved_to == moved_to
    assert stand.row(number).starts_at == START - 2 * HOUR
    assert checked(stand) == []


def test_the_hosts_words_are_in_the_mail_and_the_text_message(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES, policies={"reminder_minutes": []})
    first, other = stand.ask(phone="+4930123456"), stand.ask()
    hurt = cancel(stand, [first, other])
    assert [sorted(each.notified_by) for each in hurt] == [["email", "sms"], ["email"]]
    assert history(stand, first)[-1] == ("confirmed", "cancelled", "cancellation")
    sent = [each for each in outgoing(stand, now=NOW + HOUR) if each.kind == "cancelled"]
    assert len(sent) == 3
    for each in sent:
        if each.channel == "email":
            letter = render_letter(each)
            assert SORRY in letter.text and "is cancelled" in letter.text
            assert SORRY in letter.html
        else:
            assert render_sms(each).endswith(SORRY)


def test_a_cancellation_without_words_reads_as_before(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE, policies={"reminder_minutes": []})
    number = stand.ask()
    cancel(stand, [number], message="")
    (sent,) = [each for each in outgoing(stand, now=NOW + HOUR) if each.kind == "cancelled"]
    assert (sent.host_text, rows_of(stand, ReservationMove)) == ("", 2)
    assert "cancelled. We hope" in render_letter(sent).text


def test_cancelling_many_again_or_quietly_tells_nobody(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    first, other = stand.ask(), stand.ask()
    cancel(stand, [first], notify=False)
    again = cancel(stand, [first])
    assert [(each.is_cancelled, each.notified_by) for each in again] == [(False, ())]
    sent = [each for each in outgoing(stand, now=NOW + HOUR) if each.kind == "cancelled"]
    assert sent == []
    with pytest.raises(Invalid) as refused:
        cancel(stand, [other, 999_999])
    assert refused.value.fields[0].field == "reservations"
    assert stand.row(other).status == "confirmed"
