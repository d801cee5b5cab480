"""Claims: one worker holds a message, and a dead worker loses none."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from models.core import clock
from models.core.database.transactions import reading, transaction, unit
from models.entities import JobRun, Message, ReservationChange
from models.operations.messages.channels import PROBE_AFTER, mark_down, mark_up, take_probes
from models.operations.messages.claims import claim_due, release_expired_claims, renew, skip_gone
from models.operations.messages.outcomes import record_failure, record_sent, return_claims
from models.queries.messages.channels import was_cleared
from models.queries.messages.outgoing import Outgoing, load_claimed
from models.rules.health import LATE_AFTER
from models.rules.messages.sending import BACKOFF, MAX_ATTEMPTS
from tasks.messaging.drain import LEASE_SECONDS, RENEW_SECONDS
from tests.services.counting import Statements
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.together import answers, together
from tests.tasks.mail_order import moved, order, reserve, row_of

pytestmark = pytest.mark.both
OpensRestaurant = Callable[..., OpenRestaurant]


def claim(name: str, *, limit: int = 50, now: datetime | None = None) -> list[Outgoing]:
    with transaction() as session:
        claim_due(session, limit=limit, now=now or clock.now(), claim=name, lease_seconds=60)
        return load_claimed(session, name)


def many(restaurant_id: int, count: int) -> list[int]:
    return [reserve(restaurant_id, number=number) for number in range(count)]


def test_oldest_due_first_and_only_what_is_due(restaurant: OpensRestaurant) -> None:
    first, second, third, fourth = many(restaurant().id, 4)
    now = clock.now()
    late = order(first, kind="reminder", variant=1, due_at=now - timedelta(minutes=5))
    later = order(second, kind="reminder", variant=2, due_at=now - timedelta(minutes=1))
    order(third, kind="reminder", variant=3, due_at=now + timedelta(minutes=1))
    order(fourth, kind="reminder", variant=4, state="sent")
    assert [message.id for message in claim("a", limit=1)] == [late]
    assert [message.id for message in claim("b")] == [later]
    assert claim("c") == []
    row = row_of(late)
    assert (row.state, row.claim, row.attempts) == ("sending", "a", 1)
    assert row.claimed_until is not None and row.claimed_until > now


def test_no_message_is_ever_claimed_twice(restaurant: OpensRestaurant) -> None:
    ids = {order(reservation, kind="reminder") for reservation in many(restaurant().id, 40)}

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
    restaurant: OpensRestaurant, query_counter: Callable[[], AbstractContextManager[Statements]]
) -> None:
    opened = restaurant()
    for number, reservation in enumerate(many(opened.id, 90)):
        order(reservation, kind=("reminder", "changed", "change_refused")[number % 3])
    counts = []
    for name, limit in (("a", 3), ("b", 60)):
        with transaction() as session:
            claim_due(session, limit=limit, now=clock.now(), claim=name, lease_seconds=60)
            with query_counter() as statements:
                assert len(load_claimed(session, name)) == limit
        counts.append(statements.count)
    # the messages, the changes, the refused wishes, the host's words in a change
    assert counts == [4, 4]


def test_a_loaded_message_knows_its_reservation_and_its_refused_wish(
    restaurant: OpensRestaurant,
) -> None:
    opened = restaurant()
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
    (refused,) = claim("a")
    order(reservation, kind="reminder", variant=180, channel="sms")
    (reminder,) = claim("b")
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
    restaurant: OpensRestaurant,
) -> None:
    reservation = reserve(restaurant().id)
    lost = order(reservation, reservation_id=reservation + 1000)
    kept = order(reservation)
    with transaction() as session:
        assert claim_due(session, limit=9, now=clock.now(), claim="a", lease_seconds=60) == 2
        found = load_claimed(session, "a")
        assert [message.id for message in found] == [kept]
        assert skip_gone(session, "a", found=found) == 1
    assert (row_of(lost).state, row_of(lost).error) == ("skipped", "gone")


def test_an_expired_claim_goes_back_and_a_live_one_stays(restaurant: OpensRestaurant) -> None:
    reservation = reserve(restaurant().id)
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


def test_a_message_that_kills_its_worker_each_time_fails_in_the_end(
    restaurant: OpensRestaurant,
) -> None:
    message = order(reserve(restaurant().id))
    for number in range(MAX_ATTEMPTS):
        assert claim(f"claim-{number}")
        with transaction() as session:
            release_expired_claims(session, clock.now() + timedelta(seconds=61))
    assert row_of(message).state == "failed"
    assert claim("again") == []


def test_what_was_sent_is_recorded_even_when_the_claim_ran_out_meanwhile(
    restaurant: OpensRestaurant,
) -> None:
    message = order(reserve(restaurant().id))
    (held,) = claim("slow")
    with transaction() as session:
        release_expired_claims(session, clock.now() + timedelta(seconds=61))
    with transaction() as session:
        assert record_sent(session.connection(), held, provider_id="<id>", now=clock.now())
    assert (row_of(message).state, row_of(message).provider_id) == ("sent", "<id>")
    assert claim("other") == []


def test_a_worker_that_lost_the_claim_to_another_records_nothing(
    restaurant: OpensRestaurant,
) -> None:
    message = order(reserve(restaurant().id))
    (held,) = claim("slow")
    with transaction() as session:
        release_expired_claims(session, clock.now() + timedelta(seconds=61))
    assert claim("quick")
    now = clock.now()
    with transaction() as session:
        assert not record_failure(
            session.connection(), held, error="smtp 550", permanent=True, now=now
        )
        assert return_claims(session.connection(), [held], due_at=now) == 0
    assert row_of(message).state == "sending"


def test_a_failure_waits_longer_each_time_and_keeps_its_reason(restaurant: OpensRestaurant) -> None:
    message = order(reserve(restaurant().id))
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


def test_giving_back_costs_no_attempt(restaurant: OpensRestaurant) -> None:
    ids = [order(reservation, kind="reminder") for reservation in many(restaurant().id, 3)]
    held = claim("a")
    later = clock.now() + timedelta(seconds=30)
    with transaction() as session:
        assert return_claims(session.connection(), [], due_at=later) == 0
        assert return_claims(session.connection(), held[:2], error="smtp: down", due_at=later) == 2
        assert return_claims(session.connection(), held[2:]) == 1
    assert [row_of(number).attempts for number in ids] == [0, 0, 0]
    assert [row_of(number).error for number in ids] == ["smtp: down", "smtp: down", None]
    assert [message.id for message in claim("b")] == [ids[2]]


def test_counting_and_claiming_agree_under_contention(restaurant: OpensRestaurant) -> None:
    """`claim_due` returns the number of rows that carry the claim."""
    for reservation in many(restaurant().id, 30):
        order(reservation, kind="reminder")

    def count(name: str) -> tuple[int, int]:
        with transaction() as session:
            won = claim_due(session, limit=7, now=clock.now(), claim=name, lease_seconds=60)
        with reading() as session:
            mine = select(func.count()).select_from(Message).where(Message.claim == name)
            return won, session.scalar(mine) or 0

    pairs = answers(together(count, list("abcdef")))
    assert all(won == written for won, written in pairs)
    assert sum(won for won, _ in pairs) == 30


def test_of_one_reservation_and_channel_one_message_is_on_its_way(
    restaurant: OpensRestaurant,
) -> None:
    """Across workers: the second is claimed only after the first is recorded."""
    reservation, other = many(restaurant().id, 2)
    changed = order(reservation, kind="changed", due_at=clock.now() - timedelta(seconds=9))
    cancelled = order(reservation, kind="cancelled")
    text = order(reservation, kind="cancelled", channel="sms")
    neighbour = order(other)
    (first, *_rest) = held = claim("a")
    assert {message.id for message in held} == {changed, text, neighbour}
    assert claim("b") == []
    with transaction() as session:
        record_sent(session.connection(), first, provider_id="<id>", now=clock.now())
    assert [message.id for message in claim("c")] == [cancelled]


def test_two_workers_at_once_never_hold_two_messages_of_one_guest(
    restaurant: OpensRestaurant,
) -> None:
    """Both query before either commits: the later message stays unclaimed."""
    for reservation in many(restaurant().id, 20):
        for variant in range(3):
            order(reservation, kind="reminder", variant=variant)
    taken = answers(together(lambda name: claim(name, limit=10), list("abcdef")))
    reservations = [message.reservation_id for held in taken for message in held]
    assert len(reservations) == len(set(reservations)) > 0


def test_a_message_that_waits_for_another_attempt_holds_up_no_later_one(
    restaurant: OpensRestaurant,
) -> None:
    reservation = reserve(restaurant().id)
    order(reservation, kind="changed", due_at=clock.now() + timedelta(minutes=2))
    cancelled = order(reservation, kind="cancelled")
    assert [message.id for message in claim("a")] == [cancelled]


def test_messages_of_a_channel_that_is_down_are_claimed_by_its_probe_alone(
    restaurant: OpensRestaurant,
) -> None:
    first, second, third = (order(one) for one in many(restaurant().id, 3))
    now = clock.now()
    with transaction() as session:
        assert mark_down(session, "email", reason="smtp 550 5.4.5", suspects=[first], now=now)
        assert not mark_down(session, "email", reason="smtp 550 5.4.5", suspects=[], now=now)
    assert claim("a") == []
    with transaction() as session:
        assert take_probes(session, now=now) == []
        assert take_probes(session, now=now + PROBE_AFTER) == ["email"]
        assert take_probes(session, now=now + PROBE_AFTER) == [], "one worker alone"
        claim_due(session, limit=1, now=now, claim="p", lease_seconds=9, probe="email")
        assert [message.id for message in load_claimed(session, "p")] == [second], "no suspect"
    with transaction() as session:
        assert not was_cleared(session, "email", first)
        assert mark_up(session, "email") == now
        assert mark_up(session, "email") is None
        assert was_cleared(session, "email", first) and not was_cleared(session, "email", third)
    assert [message.id for message in claim("b")] == [first, third]


def test_two_workers_that_find_a_channel_down_tell_it_once(restaurant: OpensRestaurant) -> None:
    restaurant()

    def find(name: str) -> bool:
        return unit(lambda session: mark_down(session, "sms", reason=name, now=clock.now()))

    assert sorted(answers(together(find, list("abcd")))) == [False, False, False, True]


def test_a_living_worker_keeps_the_claim(restaurant: OpensRestaurant) -> None:
    message = order(reserve(restaurant().id))
    (held,) = claim("a")
    later = clock.now() + timedelta(seconds=61)
    with transaction() as session:
        assert renew(session.connection(), held.claim, until=later + timedelta(seconds=1)) == 1
        assert release_expired_claims(session, later) == 0
        assert release_expired_claims(session, later + timedelta(seconds=2)) == 1
    assert row_of(message).state == "queued"


def test_a_killed_worker_delays_what_it_held_by_half_a_minute_at_most() -> None:
    """By the figures: its lease ends, the next sweep frees it and nudges."""
    sweep = LATE_AFTER["sweep"] / 10  # its period
    assert LEASE_SECONDS + 2 * sweep <= 30
    assert LEASE_SECONDS >= 5 * RENEW_SECONDS


def test_after_a_pause_of_the_sweep_claims_get_time_before_release(
    restaurant: OpensRestaurant,
) -> None:
    """The database was away: sends of the meantime are about to be recorded."""
    order(reserve(restaurant().id))
    claim("a")
    later = clock.now() + timedelta(seconds=61)
    with transaction() as session:
        session.add(JobRun(name="sweep", last_success=later - timedelta(seconds=40)))
        session.flush()
        assert release_expired_claims(session, later) == 0
        session.get_one(JobRun, "sweep").last_success = later
        session.flush()
        assert release_expired_claims(session, later + timedelta(seconds=3)) == 1
