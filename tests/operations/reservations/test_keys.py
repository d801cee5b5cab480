"""Idempotency keys: the same key and body get the same answer, whatever has happened since."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, text
from sqlalchemy.orm import Session

from models.core.database.transactions import unit
from models.core.errors import KeyInFlight, KeyReused, NotFound, NotSeated
from models.entities import Closure, IdempotencyKey, Reservation
from models.operations.reservations.booking import Accepted, book_for_guest, request_reservation
from models.operations.reservations.idempotency_keys import claim_key
from models.queries.floor.load import restaurant_by_id
from models.rules.reservations.requests import GuestDetails, TableRequest
from tests.operations.evenings import ONE_TABLE, a_stand, revise, rows_of
from tests.services.running.stand import NOW, STAFF, START, Stand

ADA = GuestDetails("Ada", "ada@example.com")


def request(stand: Stand, *, key: str = "k", body: bytes = b"a", now: Any = NOW) -> Accepted:
    def work(session: Session) -> Accepted:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        wish = TableRequest(2, START, ADA)
        return request_reservation(
            session.connection(), restaurant, request=wish, key=key, body=body, now=now
        )

    return stand.do(work)


def book(stand: Stand, *, key: str = "k", body: bytes = b"a", actor: str = STAFF) -> Accepted:
    def work(session: Session) -> Accepted:
        restaurant = restaurant_by_id(session, stand.restaurant.id)
        wish = TableRequest(2, START, ADA)
        return book_for_guest(
            session, restaurant, request=wish, key=key, body=body, now=NOW, actor=actor
        )

    return stand.do(work)


@pytest.mark.both
@pytest.mark.parametrize("ask", [request, book], ids=["guest", "staff"])
def test_the_same_key_and_body_make_one_reservation(db: Engine, ask: Any) -> None:
    stand = a_stand(db)
    first, again = ask(stand), ask(stand)
    assert (first.replayed, again.replayed) == (False, True)
    same = (first.reservation_id, first.reference)
    assert (again.reservation_id, again.reference) == same
    assert rows_of(stand, Reservation) == 1


@pytest.mark.both
@pytest.mark.parametrize("ask", [request, book], ids=["guest", "staff"])
def test_another_body_under_the_same_key_is_refused(db: Engine, ask: Any) -> None:
    stand = a_stand(db)
    ask(stand)
    with pytest.raises(KeyReused):
        ask(stand, body=b"b")
    assert rows_of(stand, Reservation) == 1


@pytest.mark.both
def test_the_answer_is_the_same_though_the_request_could_no_more_be_made(db: Engine) -> None:
    stand = a_stand(db)
    first = request(stand)
    stand.drain()
    stand.cancel(first.reservation_id)
    revise(stand, Closure(restaurant_id=stand.restaurant.id, on_date=START.date()))
    again = request(stand, now=START + timedelta(hours=3))
    assert (again.replayed, again.reservation_id) == (True, first.reservation_id)


@pytest.mark.both
def test_a_key_is_known_to_its_restaurant_and_its_account_alone(db: Engine) -> None:
    stands = [a_stand(db), a_stand(db, slug="other")]
    made = [request(stand) for stand in stands] + [book(stand) for stand in stands]
    made += [book(stands[0], actor="staff:2"), request(stands[0], key="K")]
    assert not any(each.replayed for each in made)
    assert len({each.reservation_id for each in made}) == 6


@pytest.mark.both
def test_a_refused_booking_leaves_its_key_free(db: Engine) -> None:
    stand = a_stand(db, tables=ONE_TABLE)
    first = stand.book()
    with pytest.raises(NotSeated):
        book(stand)
    stand.cancel(first)
    assert not book(stand).replayed


@pytest.mark.both
def test_a_key_whose_reservation_is_gone_says_so(db: Engine) -> None:
    stand = a_stand(db)
    request(stand)
    stand.plant(delete(Reservation))
    with pytest.raises(NotFound):
        request(stand)


@pytest.mark.both
def test_neither_key_nor_body_is_kept_in_clear(db: Engine) -> None:
    stand = a_stand(db)
    request(stand, key="my-secret-key", body=b'{"email": "ada@example.com"}')
    with Session(db) as session:
        row = session.query(IdempotencyKey).one()
    assert (len(row.key), len(row.body)) == (32, 32)


@pytest.mark.mariadb
@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_a_request_that_still_runs_is_waited_for(db: Engine, ends: str) -> None:
    stand = a_stand(db)
    answers: list[Accepted] = []
    second = threading.Thread(target=lambda: answers.append(request(stand)), daemon=True)
    with Session(db) as first:
        restaurant = restaurant_by_id(first, stand.restaurant.id)
        wish = TableRequest(2, START, ADA)
        made = request_reservation(
            first.connection(), restaurant, request=wish, key="k", body=b"a", now=NOW
        )
        second.start()
        second.join(0.5)
        assert second.is_alive()
        getattr(first, ends)()
    second.join(10)
    assert answers[0].replayed is (ends == "commit")
    assert (answers[0].reference == made.reference) is (ends == "commit")
    assert rows_of(stand, Reservation) == 1


@pytest.mark.mariadb
def test_a_caller_that_would_wait_too_long_is_told_that_it_is_running(db: Engine) -> None:
    stand = a_stand(db)
    claim: dict[str, Any] = {"body": b"a", "reference": "AAAABBBB", "now": NOW}

    def work(session: Session) -> str | None:
        session.execute(text("SET SESSION innodb_lock_wait_timeout=1"))
        return claim_key(session.connection(), "guest:1", "k", **claim)

    with Session(db) as first:
        claim_key(first.connection(), "guest:1", "k", **claim)
        with pytest.raises(KeyInFlight):
            unit(work, db)
        first.commit()
    assert unit(work, db) == "AAAABBBB"
    assert rows_of(stand, IdempotencyKey) == 1


@pytest.mark.mariadb
def test_another_error_of_the_database_is_not_taken_for_a_wait(db: Engine) -> None:
    def work(session: Session) -> str | None:
        session.execute(text("SET SESSION TRANSACTION READ ONLY"))
        session.commit()
        return claim_key(
            session.connection(), "guest:1", "k", body=b"", reference="AAAABBBB", now=NOW
        )

    with pytest.raises(Exception, match="READ ONLY"):
        unit(work, db)
    db.dispose()
