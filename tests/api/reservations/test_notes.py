"""The guest's note and the staff's over HTTP: who may write and read each."""

import pytest

from models.core.database.transactions import reading
from models.core.secrets.signing import manage_token
from models.entities import Reservation
from tests.api.conftest import Stand
from tests.api.stand.test_host_stand import book

ALLERGY = "no nuts, please"
TIPS = "tips badly"


@pytest.mark.both
def test_a_staff_note_reaches_no_guest(staffed: Stand) -> None:
    guest = {"name": "Ada", "email": "ada@example.com"}
    made = book(staffed, guest=guest, note=ALLERGY, staff_note=TIPS).json
    assert (made["note"], made["staff_note"]) == (ALLERGY, TIPS)
    with reading(staffed.db) as session:
        row = session.get_one(Reservation, int(made["id"]))
        token = manage_token(row.id, row.link_secret)
    place = f"/api/v1/reservations/{made['id']}"
    seen = staffed.client.get(place, headers={"Manage-Token": token})
    assert seen.json["note"] == ALLERGY
    assert "staff_note" not in seen.json
    for page in ("", "/details", "/change", "/cancel"):
        assert TIPS not in staffed.client.get(f"/manage/{token}{page}").text
    assert TIPS not in seen.text


@pytest.mark.both
def test_the_staff_write_beside_the_guests_wishes(staffed: Stand) -> None:
    made = staffed.confirmed(note=ALLERGY)
    place = f"/api/v1/reservations/{made['id']}"
    answer = staffed.client.patch(place, json={"staff_note": TIPS}, headers=staffed.as_staff())
    assert answer.status_code == 200, answer.text
    assert (answer.json["note"], answer.json["staff_note"]) == (ALLERGY, TIPS)


def test_a_guest_may_not_write_the_staffs_note(stand: Stand) -> None:
    made = stand.confirmed()
    answer = stand.client.patch(
        f"/api/v1/reservations/{made['id']}",
        json={"staff_note": "a good friend of the owner"},
        headers={"Manage-Token": made["manage_token"]},
    )
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["staff_note"]
