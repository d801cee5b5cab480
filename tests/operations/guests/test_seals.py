"""Encrypting again: every guest gets the new key, in batches, beside concurrent changes."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from models.core.database.transactions import unit
from models.core.secrets import encryption
from models.entities import PartyDetails
from models.entities.reservations import Reservation
from models.entities.sealed_guest import reseal_guest
from models.operations.guests.resealing import count_by_key, reseal_some, reseal_some_details
from models.operations.reservations.changes import edit_details
from models.operations.stand.party_details import edit_party
from tests.operations.evenings import a_stand
from tests.services.running.stand import NOW, Stand
from tests.services.running.surroundings import KEYSET, settle

pytestmark = pytest.mark.both


@pytest.fixture
def stand(
    db: Engine, service_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Stand:
    """A restaurant with its own keyset and five guests."""
    path = tmp_path / "keyset.json"
    shutil.copyfile(KEYSET, path)
    settle(monkeypatch, service_env | {"KEYSET_FILE": str(path)})
    stand = a_stand(db)
    for _ in range(5):
        stand.request(note="nuts")
    return stand


def drain(limit: int) -> list[int]:
    """Encrypt all guests again; return the sizes of the batches."""
    after, sizes = 0, []
    while found := unit(lambda s, after=after: reseal_some(s, after=after, limit=limit)):  # type: ignore[misc]
        count, after = found
        sizes.append(count)
    return sizes


def guests(stand: Stand) -> list[tuple[str, str]]:
    with Session(stand.bind) as session:
        rows = session.scalars(select(Reservation).order_by(Reservation.id)).all()
        return [(row.guest.name, row.guest.note) for row in rows]


def test_all_are_sealed_again_and_none_twice(stand: Stand) -> None:
    before = guests(stand)
    old = encryption.keyring().primary
    assert unit(count_by_key) == {old: 5}
    new = encryption.add_key()
    assert drain(2) == [2, 2, 1]
    assert drain(2) == []
    assert unit(count_by_key) == {new: 5}
    encryption.drop_keys({old})
    assert guests(stand) == before


def test_the_staffs_note_is_sealed_too(stand: Stand) -> None:
    number = stand.book(staff_note="tips badly")
    old, kept = encryption.keyring().primary, stand.row(number).staff_note_sealed or b""
    assert kept and b"tips badly" not in kept
    assert unit(count_by_key) == {old: 7}
    new = encryption.add_key()
    drain(10)
    assert unit(count_by_key) == {new: 7}
    assert stand.row(number).staff_note == "tips badly"


def test_an_edit_during_resealing_is_kept(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    encryption.add_key()
    with Session(stand.bind) as session:
        number = session.scalar(select(func.min(Reservation.id))) or 0
    reseal = reseal_guest

    def edit_first(sealed: bytes, *, reference: str) -> bytes:
        # between our read and our write (SQLite has our write lock: the edit is in our transaction)
        if not edited and stand.bind.dialect.name != "sqlite":
            edited.append(True)
            stand.do(lambda s: edit_details(s, number, note="no nuts", now=NOW, actor="guest"))
        return reseal(sealed, reference=reference)

    edited: list[bool] = []
    monkeypatch.setattr("models.operations.guests.resealing.reseal_guest", edit_first)
    drain(10)
    wanted = "nuts" if stand.bind.dialect.name == "sqlite" else "no nuts"
    assert guests(stand)[0][1] == wanted


def test_the_details_of_a_party_are_sealed_too(stand: Stand) -> None:
    number, facts = stand.ask(2), {"allergies": "peanuts", "tags": ("regular",)}
    stand.move(edit_party, number, now=NOW, changes=facts)
    old = encryption.keyring().primary
    with Session(stand.bind) as session:
        kept = session.get_one(PartyDetails, number).details_sealed or b""
    assert kept and b"peanuts" not in kept
    assert unit(count_by_key) == {old: 7}
    new = encryption.add_key()
    drain(10)
    assert unit(lambda s: reseal_some_details(s, after=0, limit=10)) == (1, number)
    assert unit(lambda s: reseal_some_details(s, after=0, limit=10)) is None
    assert unit(count_by_key) == {new: 7}
