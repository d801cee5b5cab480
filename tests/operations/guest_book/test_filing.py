"""Filing: every contact has a record, which follows its reservation until it is forgotten."""

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.core.secrets.signing import contact_key
from models.entities import GuestContact, GuestName, GuestRecord
from models.operations.guest_book.filing import SETTLED, file_some
from models.operations.reservations.changes import edit_details
from models.rules.reservations.requests import GuestDetails
from tasks.jobs.guest_book import file_reservations
from tests.operations.evenings import a_stand, rows_of
from tests.services.running.stand import NOW, Stand

pytestmark = pytest.mark.both

ADA, PHONE = "ada@example.com", "+4930123456"


def file_all(stand: Stand) -> None:
    stand.do(lambda session: file_some(session, after=0, now=NOW, limit=1000))


def record_of(stand: Stand, contact: str) -> GuestRecord | None:
    with Session(stand.bind) as session:
        key = session.get(GuestContact, (contact_key(contact), stand.restaurant.id))
        return session.get_one(GuestRecord, key.guest_id) if key else None


def test_a_contact_has_one_record_however_often_it_books(db: Engine) -> None:
    stand = a_stand(db)
    stand.ask(email=ADA, phone=PHONE)
    stand.book(email=ADA)
    stand.book(email=None, phone=PHONE)
    stand.book(email=None)
    file_all(stand)
    file_all(stand)
    assert (rows_of(stand, GuestRecord), rows_of(stand, GuestContact)) == (1, 2)
    record = record_of(stand, ADA)
    assert record is not None
    assert record.profile.names == ("Party 3", "Party 2", "Party 1")
    assert record_of(stand, "nobody@example.com") is None


def test_two_restaurants_do_not_share_a_record(db: Engine) -> None:
    for slug in ("one", "two"):
        stand = a_stand(db, slug=slug)
        stand.ask(email=ADA)
    file_all(stand)
    assert (rows_of(stand, GuestRecord), rows_of(stand, GuestContact)) == (2, 2)
    with Session(stand.bind) as session:
        keys = list(session.scalars(select(GuestName.word_key)))
    assert len(keys) == len(set(keys)) == 2 * 4  # par, part, party, 1


def test_a_corrected_address_keeps_its_record_and_the_old_one_goes(db: Engine) -> None:
    stand = a_stand(db)
    number = stand.ask(email="aad@example.com")
    file_all(stand)
    before = record_of(stand, "aad@example.com")
    edited = GuestDetails(name="Ada", email=ADA, phone=None)
    stand.do(lambda s: edit_details(s, number, guest=edited, now=NOW, actor="staff:1"))
    after = record_of(stand, ADA)
    assert before is not None and after is not None
    assert after.id == before.id
    assert after.profile.shown_name == "Ada"
    assert rows_of(stand, GuestContact) == 1


def test_the_job_goes_on_where_it_ended_and_sees_late_commits(db: Engine) -> None:
    stand = a_stand(db)
    stand.ask(email=ADA)
    first = file_reservations(now=NOW, seconds=10)
    # another transaction may still commit a reservation with a smaller id
    assert (first["records"], first["filed_to"], first["more"]) == (1, 0, False)
    later = file_reservations(now=NOW + 2 * SETTLED, seconds=10)
    assert (later["records"], later["filed_to"] > 0, later["more"]) == (0, True, False)
