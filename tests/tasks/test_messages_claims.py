"""Claims: a message is held by one worker, and none is lost with its worker."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from models.core import clock
from models.core.db import reading, transaction
from models.entities import Message, ReservationChange
from models.operations.messages import (
    claim_due,
    give_back,
    record_failure,
    record_sent,
    release_expired_claims,
    skip_gone,
)
from models.queries.outgoing import Outgoing, load_claimed
from models.rules.sending import BACKOFF, MAX_ATTEMPTS
from tests.services.counting import Statements
from tests.services.house import OpenHouse
from tests.services.together import answers, together
from tests.tasks.mail_order import moved, order, reserve, row_of

pytestmark = pytest.mark.both
OpensHouse = Callable[..., OpenHouse]


def claim(name: str, *, limit: int = 50, now: datetime | None = None) -> list[Outgoing]:
    with transaction() as session:
        claim_due(session, limit=limit, now=now or clock.now(), claim=name, lease_seconds=60)
        return load_claimed(session, name)


def test_oldest_due_first_and_only_what_is_due(house: OpensHouse) -> None:
    reservation = reserve(house().id)
    now = clock.now()
    late = order(reservation, kind="reminder", variant=1, due_at=now - timedelta(minutes=5))
    later = order(reservation, kind="reminder", variant=2, due_at=now - timedelta(minutes=1))
    order(reservation, kind="reminder", variant=3, due_at=now + timedelta(minutes=1))
    order(reservation, kind="reminder", variant=4, state="sent")
    assert [message.id for message in claim("a", limit=1)] == [late]
    assert [message.id for message in claim("b")] == [later]
    assert claim("c") == []
    row = row_of(late)
    assert (row.state, row.claim, row.attempts) == ("sending", "a", 1)
    assert row.claimed_until is not None and row.claimed_until > now


def test_no_message_is_ever_claimed_twice(house: OpensHouse) -> None:
    reservation = reserve(house().id)
    ids = {order(reservation, kind="reminder", variant=number) for number in range(40)}

    def drain(name: str) -> list[int]:
        taken: list[int] = []
        for number in range(100):
            held = [message.id for message in claim(f"{name}-{number}", limit=3)]
            if not held and number > 20:
                break
            taken += held
        return taken

    taken = [one for worker in answers(together(drain, list("abcdef"))) for one in worker]
    assert len(taken) == len(ids)
    assert set(taken) == ids


def test_loading_takes_the_same_few_queries_however_many(
    house: OpensHouse, query_counter: Callable[[], AbstractContextManager[Statements]]
) -> None:
    opened = house()
    for number in range(30):
        reservation = reserve(opened.id, number=number)
        for kind in ("reminder", "changed", "change_refused"):
            order(reservation, kind=kind)
    counts = []
    for name, limit in (("a", 3), ("b", 60)):
        with transaction() as session:
            claim_due(session, limit=limit, now=clock.now(), claim=name, lease_seconds=60)
            with query_counter() as statements:
                assert len(load_claimed(session, name)) == limit
        counts.append(statements.count)
    assert counts == [3, 3]


def test_a_loaded_message_knows_its_reservation_and_its_refused_wish(house: OpensHouse) -> None:
    opened = house()
    start = clock.now() + timedelta(days=2)
    reservation = reserve(
        opened.id,
        status="confirmed",
        area_id=opened.areas["terrace"],
        note="by the window",
        alternatives=["2026-07-03T18:00:00Z"],
        guest_locale="fr",
    )
    moved(reservation, reason="changed", revision=2)
    moved(reservation, reason="edited", revision=5)
    with transaction() as session:
        for party_size, status in ((6, "refused"), (7, "refused"), (8, "accepted")):
            session.add(
                ReservationChange(
                    restaurant_id=opened.id,
                    reservation_id=reservation,
                    book_id=1,
                    status=status,
                    party_size=party_size,
                    starts_at=start,
                    actor="guest",
                    reason="pacing",
                    alternatives=["2026-07-03T19:00:00+00:00"],
                    created_at=clock.now(),
                )
            )
    order(reservation, kind="change_refused", due_at=clock.now() - timedelta(minutes=2))
    order(reservation, kind="reminder", variant=180)
    refused, reminder = claim("a")
    assert refused.wish is not None and reminder.wish is None
    assert (refused.wish.party_size, refused.wish.reason) == (7, "pacing")
    assert [moment.hour for moment in refused.wish.alternatives] == [19]
    assert [moment.hour for moment in reminder.alternatives] == [18]
    assert reminder.changed_revision == 2
    assert (reminder.area, reminder.note, reminder.guest_locale) == (
        "Terrace",
        "by the window",
        "fr",
    )
    assert reminder.restaurant.zone == "Europe/Berlin"
    assert reminder.first_due_at == max(
        reminder.created_at, reminder.starts_at - timedelta(minutes=180)
    )
    assert refused.first_due_at == refused.created_at
    assert "guests.example" not in repr(refused) and "Guest 1" not in repr(refused)


def test_a_message_without_its_reservation_is_skipped_and_holds_up_nobody(
    house: OpensHouse,
) -> None:
    reservation = reserve(house().id)
    lost = order(reservation, reservation_id=reservation + 1000)
    kept = order(reservation)
    with transaction() as session:
        assert claim_due(session, limit=9, now=clock.now(), claim="a", lease_seconds=60) == 2
        found = load_claimed(session, "a")
        assert [message.id for message in found] == [kept]
        assert skip_gone(session, "a", found=found) == 1
    assert (row_of(lost).state, row_of(lost).error) == ("skipped", "gone")


def test_an_expired_claim_goes_back_and_a_live_one_stays(house: OpensHouse) -> None:
    reservation = reserve(house().id)
    message = order(reservation)
    claim("a")
    now = clock.now()
    with transaction() as session:
        assert release_expired_claims(session, now) == 0
    with transaction() as session:
        assert release_expired_claims(session, now + timedelta(seconds=61)) == 1
    assert row_of(message).state == "queued"
    assert row_of(message).attempts == 1
    assert [held.attempts for held in claim("b")] == [2]


def test_a_message_that_kills_its_worker_each_time_fails_in_the_end(house: OpensHouse) -> None:
    message = order(reserve(house().id))
    for number in range(MAX_ATTEMPTS):
        assert claim(f"claim-{number}")
        with transaction() as session:
            release_expired_claims(session, clock.now() + timedelta(seconds=61))
    assert row_of(message).state == "failed"
    assert claim("again") == []


def test_what_was_sent_is_recorded_even_when_the_claim_ran_out_meanwhile(
    house: OpensHouse,
) -> None:
    message = order(reserve(house().id))
    (held,) = claim("slow")
    with transaction() as session:
        release_expired_claims(session, clock.now() + timedelta(seconds=61))
    with transaction() as session:
        assert record_sent(session.connection(), held, provider_id="<id>", now=clock.now())
    assert (row_of(message).state, row_of(message).provider_id) == ("sent", "<id>")
    assert claim("other") == []


def test_whoever_lost_the_claim_to_another_records_nothing(house: OpensHouse) -> None:
    message = order(reserve(house().id))
    (held,) = claim("slow")
    with transaction() as session:
        release_expired_claims(session, clock.now() + timedelta(seconds=61))
    assert claim("quick")
    now = clock.now()
    with transaction() as session:
        assert not record_failure(
            session.connection(), held, error="smtp 550", permanent=True, now=now
        )
        assert give_back(session.connection(), [held], due_at=now) == 0
    assert row_of(message).state == "sending"


def test_a_failure_waits_longer_each_time_and_keeps_its_reason(house: OpensHouse) -> None:
    message = order(reserve(house().id))
    now = clock.now()
    for number, wait in enumerate([*BACKOFF, None]):
        (held,) = claim(f"claim-{number}", now=now)
        with transaction() as session:
            assert record_failure(
                session.connection(), held, error="smtp 451", permanent=False, now=now
            )
        row = row_of(message)
        assert row.error == "smtp 451"
        if wait is None:
            assert row.state == "failed"
        else:
            assert (row.state, row.due_at) == ("queued", now + wait)
            assert claim(f"early-{number}", now=now + wait - timedelta(seconds=1)) == []
            now += wait


def test_giving_back_costs_no_attempt(house: OpensHouse) -> None:
    reservation = reserve(house().id)
    ids = [order(reservation, kind="reminder", variant=number) for number in range(3)]
    held = claim("a")
    later = clock.now() + timedelta(seconds=30)
    with transaction() as session:
        assert give_back(session.connection(), [], due_at=later) == 0
        assert give_back(session.connection(), held[:2], error="smtp: down", due_at=later) == 2
        assert give_back(session.connection(), held[2:]) == 1
    assert [row_of(number).attempts for number in ids] == [0, 0, 0]
    assert [row_of(number).error for number in ids] == ["smtp: down", "smtp: down", None]
    assert [message.id for message in claim("b")] == [ids[2]]


def test_counting_and_claiming_agree_under_contention(house: OpensHouse) -> None:
    """The number that `claim_due` returns is the number of rows that carry the claim."""
    reservation = reserve(house().id)
    for number in range(30):
        order(reservation, kind="reminder", variant=number)

    def count(name: str) -> tuple[int, int]:
        with transaction() as session:
            won = claim_due(session, limit=7, now=clock.now(), claim=name, lease_seconds=60)
        with reading() as session:
            mine = select(func.count()).select_from(Message).where(Message.claim == name)
            return won, session.scalar(mine) or 0

    pairs = answers(together(count, list("abcdef")))
    assert all(won == written for won, written in pairs)
    assert sum(won for won, _ in pairs) == 30
