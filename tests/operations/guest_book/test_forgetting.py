"""Forgetting: the record goes with its guest's last reservation; what is left is checked."""

import shutil
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from models.core.database.transactions import transaction
from models.core.secrets import encryption
from models.core.secrets.signing import confirmation_code, contact_key
from models.entities import (
    GuestContact,
    GuestEvent,
    GuestName,
    GuestNote,
    GuestRecord,
    JobRun,
)
from models.integrity.check import findings
from models.operations.guest_book import filing
from models.operations.guest_book.filing import file_some
from models.operations.guest_book.merging import merge_record
from models.operations.guest_book.records import GuestAct, add_note, block
from models.operations.guest_book.resealing import reseal_records
from models.operations.guests.privacy import erase_guest
from models.operations.guests.resealing import count_by_key
from models.operations.reservations.contact_proofs import confirm_contact
from models.operations.stand.overdue import end_evenings
from models.queries.guest_book.filed import FILED_TO, JOB
from models.queries.guests.privacy import export_guest
from tasks.jobs.retention import apply_retention
from tests.operations.evenings import a_stand, rows_of
from tests.services.running.stand import NOW, STAFF, START, Stand
from tests.services.running.surroundings import KEYSET, settle

pytestmark = pytest.mark.both

ADA, PHONE = "ada@example.com", "+4930123456"
EVERYTHING = (GuestRecord, GuestContact, GuestName, GuestNote, GuestEvent)
LATER = START + timedelta(days=60)


def file_all(stand: Stand) -> None:
    stand.do(lambda session: file_some(session, after=0, now=NOW, limit=1000))


def record_id(stand: Stand, contact: str) -> int:
    with Session(stand.bind) as session:
        key = contact_key(contact)
        found = session.get_one(GuestContact, (key, stand.restaurant.id))
        return found.guest_id


def act(stand: Stand, guest: int) -> GuestAct:
    return GuestAct(stand.restaurant.id, guest, STAFF, NOW)


def a_guest(db: Engine) -> tuple[Stand, int]:
    """Ada, with a note."""
    stand = a_stand(db, policies={"keep_guests_days": 15})
    stand.ask(email=ADA, phone=PHONE)
    file_all(stand)
    number = record_id(stand, ADA)
    stand.do(lambda session: add_note(session, act(stand, number), "likes the window"))
    return stand, number


def erase(stand: Stand, contact: str) -> None:
    stand.do(lambda session: erase_guest(session, contact, cancel=True, now=NOW, actor="operator"))


def broken(stand: Stand) -> set[str]:
    with Session(stand.bind) as session:
        return {each.rule for each in findings(session, now=NOW, grace_seconds=1e9)}


def test_nothing_is_left_of_an_erased_guest(db: Engine) -> None:
    stand, _ = a_guest(db)
    assert [rows_of(stand, each) > 0 for each in EVERYTHING] == [True] * len(EVERYTHING)
    erase(stand, ADA)
    assert [rows_of(stand, each) for each in EVERYTHING] == [0] * len(EVERYTHING)
    assert broken(stand) == set()


def test_a_record_stays_while_another_contact_is_on_a_reservation(db: Engine) -> None:
    stand, number = a_guest(db)
    stand.book(email=None, phone=PHONE, start=START + timedelta(days=1))
    file_all(stand)
    erase(stand, ADA)
    assert (rows_of(stand, GuestContact), rows_of(stand, GuestNote)) == (1, 1)
    assert record_id(stand, PHONE) == number
    assert broken(stand) == set()
    erase(stand, PHONE)
    assert [rows_of(stand, each) for each in EVERYTHING] == [0] * len(EVERYTHING)


def test_a_merged_record_goes_with_the_one_that_took_it_over(db: Engine) -> None:
    stand, number = a_guest(db)
    stand.ask(email="king@example.com")
    file_all(stand)
    other = record_id(stand, "king@example.com")
    stand.do(lambda session: merge_record(session, act(stand, number), other))
    assert broken(stand) == set()
    erase(stand, "king@example.com")
    assert rows_of(stand, GuestRecord) == 2
    erase(stand, ADA)
    assert [rows_of(stand, each) for each in EVERYTHING] == [0] * len(EVERYTHING)


def test_the_rule_forgets_the_record_too(db: Engine) -> None:
    stand, _ = a_guest(db)
    stand.do(lambda session: end_evenings(session, now=START + timedelta(days=2), limit=10))
    assert apply_retention(now=LATER, seconds=60).guests == 1
    assert [rows_of(stand, each) for each in EVERYTHING] == [0] * len(EVERYTHING)


def file_beside(stand: Stand) -> None:
    """A reservation is filed while an erasure of its guest has not committed yet."""
    read = threading.Event()

    def file() -> None:
        read.set()
        stand.do(lambda session: file_some(session, after=0, now=NOW, limit=1000))

    beside = threading.Thread(target=file)
    with transaction(stand.bind) as session:
        erase_guest(session, ADA, cancel=True, now=NOW, actor="operator")
        session.flush()
        beside.start()
        assert read.wait(10)
        beside.join(0.5)
    beside.join(10)
    assert not beside.is_alive()


@pytest.mark.parametrize("is_locked", [True, False])
def test_a_guest_that_is_being_forgotten_is_not_filed_again(
    db: Engine, monkeypatch: pytest.MonkeyPatch, is_locked: bool
) -> None:
    stand = a_stand(db)
    stand.ask(email=ADA)
    if not is_locked:  # the control: without the lock the guest comes back
        monkeypatch.setattr(filing, "lock_guest_books", lambda *_: None)
    file_beside(stand)
    comes_back = not is_locked and db.dialect.name != "sqlite"  # there the transaction is the lock
    assert rows_of(stand, GuestRecord) == comes_back
    assert ("forgotten" in broken(stand)) is comes_back


Damage = Callable[[Stand, int], Any]
DAMAGES: dict[str, tuple[str, Damage]] = {
    "a contact is not filed": ("guest-book", lambda *_: delete(GuestContact)),
    "a word is missing": (
        "guest-book",
        lambda *_: delete(GuestName).where(
            GuestName.word_key == select(GuestName.word_key).limit(1).scalar_subquery()
        ),
    ),
    "the digits are others": (
        "guest-book",
        lambda *_: update(GuestContact).values(digits_key=b"x" * 8),
    ),
    "the profile is damaged": (
        "guest",
        lambda *_: update(GuestRecord).values(profile_sealed=b"x" * 40),
    ),
    "a contact is damaged": (
        "guest",
        lambda *_: update(GuestContact).values(contact_sealed=b"x" * 40),
    ),
    "a note is damaged": ("guest", lambda *_: update(GuestNote).values(text_sealed=b"x" * 40)),
    "a note of nobody": ("reference", lambda *_: update(GuestNote).values(guest_id=999_999)),
    "an event of nobody": ("reference", lambda *_: update(GuestEvent).values(guest_id=999_999)),
    "a contact of nobody": ("reference", lambda *_: update(GuestContact).values(filed_id=999_999)),
    "another restaurant's": (
        "reference",
        lambda *_: update(GuestNote).values(restaurant_id=999_999),
    ),
    "merged into itself": (
        "reference",
        lambda _, number: update(GuestRecord).values(merged_into=number),
    ),
    "a contact of no reservation": (
        "forgotten",
        lambda stand, number: GuestContact(
            contact=b"y" * 16,
            restaurant_id=stand.restaurant.id,
            channel="email",
            guest_id=number,
            filed_id=number,
            contact_sealed=b"x",
        ),
    ),
    "a record without contact": (
        "forgotten",
        lambda stand, _: GuestRecord(
            restaurant_id=stand.restaurant.id, reference="x", profile_sealed=b"x", created_at=NOW
        ),
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_the_check_sees_every_damage(db: Engine, name: str) -> None:
    stand, number = a_guest(db)
    stand.plant(JobRun(name=JOB, result={FILED_TO: 2**62}))
    assert broken(stand) == set()
    rule, damage = DAMAGES[name]
    if db.dialect.name != "sqlite" and name == "a word is missing":
        with Session(db) as session:
            key = session.scalar(select(GuestName.word_key))
        stand.plant(delete(GuestName).where(GuestName.word_key == key))
    else:
        stand.plant(damage(stand, number))
    assert rule in broken(stand)


@pytest.fixture
def own_keyset(
    db: Engine, service_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A keyset that the test may change."""
    path = tmp_path / "keyset.json"
    shutil.copyfile(KEYSET, path)
    settle(monkeypatch, service_env | {"KEYSET_FILE": str(path)})


@pytest.mark.usefixtures("own_keyset")
def test_every_value_is_encrypted_again(db: Engine) -> None:
    stand, number = a_guest(db)
    stand.do(lambda session: block(session, act(stand, number), "left without paying"))
    before = stand.do(count_by_key)
    new = encryption.add_key()
    assert stand.do(partial(reseal_records, after=0, limit=10)) == (4, number)
    assert stand.do(partial(reseal_records, after=0, limit=10)) == (0, number)
    assert stand.do(partial(reseal_records, after=number, limit=10)) is None
    assert stand.do(count_by_key)[new] == 4 <= sum(before.values())
    assert broken(stand) == set()


def test_an_export_contains_the_record(db: Engine) -> None:
    stand, _ = a_guest(db)
    with Session(stand.bind) as session:
        (record,) = export_guest(session, ADA)["guest_book"]
    assert [each["text"] for each in record["notes"]] == ["likes the window"]
    assert (record["withheld"], record["names"]) == (False, ["Party 1"])


def test_an_export_by_anothers_number_withholds_the_record(db: Engine) -> None:
    """Anybody can write a guest's address beside the own number."""
    stand = a_stand(db)
    number = stand.ask(email=ADA)
    file_all(stand)
    code = confirm_code(stand, number)
    assert stand.do(partial(confirm_contact, reservation_id=number, code=code, now=NOW))
    stand.ask(email=ADA, phone=PHONE, start=START + timedelta(days=1))
    file_all(stand)
    assert record_id(stand, PHONE) == record_id(stand, ADA)
    with Session(stand.bind) as session:
        assert export_guest(session, PHONE)["guest_book"] == [
            {"restaurant": "demo", "withheld": True}
        ]
        assert not export_guest(session, ADA)["guest_book"][0]["withheld"]


def confirm_code(stand: Stand, number: int) -> str:
    return confirmation_code(number, stand.row(number).guest.email or "")
