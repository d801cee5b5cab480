"""The list and the panel say what the guest's record says: VIP, allergies."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.conftest import Stand
from tests.api.stand.test_guest_book import ADA, file_all, patch, search
from tests.api.stand.test_stand_sign_in import enter
from web.pages.stand.page import words_of


def known_party(stand: Stand, **record: Any) -> dict[str, Any]:
    """A party whose guest's record says this."""
    made = stand.confirmed(guest=ADA)
    file_all(stand)
    (hit,) = search(stand, ADA["email"])
    assert patch(stand, str(hit["id"]), **record).status_code == 200
    return made


def row(stand: Stand, made: dict[str, Any], role: str = "host", view: str = "") -> str:
    enter(stand.client, role)
    page = stand.client.get(f"/stand/demo{view}?date={made['start'][:10]}").text
    (found,) = re.findall(rf'<li id="r{made["id"]}".*?</li>', page, re.DOTALL)
    return str(found)


def panel(stand: Stand, made: dict[str, Any], role: str = "host") -> str:
    enter(stand.client, role)
    answer = stand.client.get(f"/stand/demo/party/{made['id']}?date={made['start'][:10]}")
    assert answer.status_code == 200
    return str(answer.text)


def test_the_list_and_the_panel_show_what_the_record_says(staffed: Stand) -> None:
    made = known_party(staffed, vip=True, allergies="Nuts")
    line, page = row(staffed, made), panel(staffed, made)
    assert '<span class="flag vip">' in line and '<span class="flag allergy">Nuts</span>' in line
    assert '<span class="flag vip">' in page
    assert f"{words_of('en')['known_allergies']}:</b> Nuts" in page


def test_what_the_reservation_says_is_not_said_twice(staffed: Stand) -> None:
    made = known_party(staffed, vip=True, allergies="nuts")
    path, details = f"/api/v1/reservations/{made['id']}", {"allergies": "Nuts, milk", "vip": True}
    answer = staffed.client.patch(path, json={"details": details}, headers=staffed.as_staff())
    assert answer.status_code == 200
    assert row(staffed, made).count("flag allergy") == row(staffed, made).count("flag vip") == 1
    assert words_of("en")["known_allergies"] not in panel(staffed, made)


def test_a_record_is_shown_to_who_may_find_guests(staffed: Stand) -> None:
    made = known_party(staffed, vip=True, allergies="Nuts")
    for shown in (row(staffed, made, "viewer"), panel(staffed, made, "viewer")):
        assert "Nuts" not in shown and "flag vip" not in shown


@pytest.mark.parametrize("view", ["", "/timeline"])
def test_known_guests_take_one_query_however_many_they_are(
    staffed: Stand, query_counter: Callable[[], Any], view: str
) -> None:
    made = known_party(staffed, vip=True, allergies="Nuts")
    enter(staffed.client)
    path = f"/stand/demo{view}?date={made['start'][:10]}"
    staffed.client.get(path)  # this hour's entry in the audit
    counts = []
    for number in range(2):
        with query_counter() as counted:
            staffed.client.get(path)
        counts.append(counted.count)
        guest = {"name": "Grace", "email": f"grace{number}@example.com"}
        staffed.confirmed(start=staffed.start(20, 0), guest=guest)
        file_all(staffed)
    assert counts[0] == counts[1]
