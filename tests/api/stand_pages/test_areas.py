"""A closed area: said in each view, listed by its name, closed from a later day's panel."""

import re
from typing import Any

import pytest

from tests.api.conftest import Stand
from tests.api.stand.test_stand_sign_in import enter

BLOCKS = "/api/v1/restaurants/demo/blocks"
VIEWS = ("", "/timeline", "/floor")
SAID = "Terrace: gesperrt"


def block(stand: Stand, **what: Any) -> str:
    span = {"from": stand.start(18), "until": stand.start(22), "reason": "Rain"}
    answer = stand.client.post(BLOCKS, json=span | what, headers=stand.as_staff())
    assert answer.status_code == 200, answer.text
    return str(answer.json["id"])


def shown(stand: Stand, view: str = "") -> str:
    enter(stand.client)
    day = stand.start()[:10]
    answer = stand.client.get(f"/stand/demo{view}?date={day}", headers={"Accept-Language": "de"})
    assert answer.status_code == 200
    return str(answer.text)


def test_each_view_says_that_an_area_is_closed_until_it_is_opened(staffed: Stand) -> None:
    number = block(staffed, area="terrace")
    for view in VIEWS:
        assert f"{SAID} 18:00 – 22:00" in shown(staffed, view), view
    listed = re.search(r'id="e-blocks".*?<form', shown(staffed, "/evening"), re.DOTALL)
    assert listed and "<b>Terrace</b> · 18:00 – 22:00" in listed[0]
    lifted = staffed.client.post(f"{BLOCKS}/{number}/lift", json={}, headers=staffed.as_staff())
    assert lifted.status_code == 200
    assert not [view for view in VIEWS if SAID in shown(staffed, view)]


def test_some_tables_of_an_area_do_not_close_it(staffed: Stand) -> None:
    block(staffed, tables=["1", "2"])
    assert "Hall: gesperrt" not in shown(staffed)
    assert "<b>1, 2</b> ·" in shown(staffed, "/evening")


def test_a_block_of_days_names_them(staffed: Stand) -> None:
    block(staffed, area="terrace", until=staffed.start(12, days=5))
    (said,) = re.findall(rf"{SAID} 18:00 – ([^<]+)<", shown(staffed))
    assert said != "12:00" and said.endswith("12:00")


def test_a_later_day_is_closed_from_its_opening_unless_said_otherwise(staffed: Stand) -> None:
    page = shown(staffed, "/evening")
    (field,) = re.findall(r'<input id="a-from"[^>]*>', page)
    assert f'value="{staffed.start()[:10]}T17:00"' in field and "required" in field


@pytest.mark.parametrize("role", ["viewer", "host"])
def test_the_form_needs_the_permission_to_block_tables(staffed: Stand, role: str) -> None:
    enter(staffed.client, role)
    page = staffed.client.get("/stand/demo/evening").text
    assert ("data-close-area" in page) is (role == "host")
