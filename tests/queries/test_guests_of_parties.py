"""What the guest book knows of the guests of a day's parties."""

import pytest
from sqlalchemy import Engine, update

from models.core.database.transactions import reading
from models.entities.guest_book import GuestRecord
from models.operations.guest_book.records import GuestAct, RecordChange, change_record
from models.queries.guest_book.parties import KnownGuest, guests_of_parties
from tests.operations.evenings import TWO_TABLES, a_stand
from tests.operations.guest_book.test_online_refused import record
from tests.services.counting import counting
from tests.services.running.stand import NOW, STAFF, Stand

pytestmark = pytest.mark.both
ANN, BEN, PHONE = "ann@example.com", "ben@example.com", "+4930123456"


def write(stand: Stand, contact: str, change: RecordChange) -> int:
    guest = record(stand, contact)
    act = GuestAct(stand.restaurant.id, guest, STAFF, NOW)
    stand.do(lambda session: change_record(session, act, change))
    return guest


def known(stand: Stand, *parties: int) -> dict[int, KnownGuest]:
    with reading(stand.bind) as session:
        return guests_of_parties(session, parties)


def test_a_guest_is_known_by_the_address_or_the_number(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    by_mail, other = stand.ask(email=ANN), stand.ask(email=BEN)
    write(stand, ANN, RecordChange(vip=True, allergies="Nuts"))
    by_phone = stand.ask(email=None, phone=PHONE)
    write(stand, PHONE, RecordChange(allergies="Shellfish"))
    found = known(stand, by_mail, other, by_phone)
    assert found[by_mail] == KnownGuest(is_vip=True, allergies="Nuts")
    assert found.get(other, KnownGuest(is_vip=False)) == KnownGuest(is_vip=False)
    assert found[by_phone] == KnownGuest(is_vip=False, allergies="Shellfish")
    both = stand.ask(email=ANN, phone=PHONE)
    assert known(stand, both) == {both: KnownGuest(is_vip=True, allergies="Nuts; Shellfish")}


def test_many_parties_take_as_many_queries_as_one(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    parties = [stand.ask() for _ in range(4)]
    counts = []
    for some in ([], parties[:1], parties):
        with counting(db) as counted:
            known(stand, *some)
        counts.append(counted.count)
    assert counts == [0, 1, 1]


def test_a_record_that_cannot_be_read_does_not_block_the_book(db: Engine) -> None:
    stand = a_stand(db, tables=TWO_TABLES)
    number = stand.ask(email=ANN)
    guest = write(stand, ANN, RecordChange(vip=True, allergies="Nuts"))
    broken = update(GuestRecord).where(GuestRecord.id == guest).values(profile_sealed=b"x" * 40)
    stand.plant(broken)
    assert known(stand, number) == {number: KnownGuest(is_vip=True)}
