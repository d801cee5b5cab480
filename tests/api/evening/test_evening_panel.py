"""The evening's panel, and the list at the door beside the book."""

import re
from typing import Any

import pytest

from models.core import clock
from tests.api.conftest import BERLIN, Stand
from tests.api.stand.test_stand_page import day_of
from tests.api.stand.test_stand_sign_in import enter


def post(staffed: Stand, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = staffed.client.post(
        f"/api/v1/restaurants/demo{path}", json=body, headers=staffed.as_staff("manager")
    )
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json)


def evening(staffed: Stand, day: str, role: str = "manager") -> str:
    enter(staffed.client, role)
    page = staffed.client.get(f"/stand/demo/evening?date={day}")
    assert page.status_code == 200, page.text
    return str(page.text)


@pytest.mark.parametrize(
    ("role", "forms"),
    [
        ("viewer", ()),
        ("host", ("block", "stop")),
        ("manager", ("block", "stop", "close-book", "cancel-many")),
    ],
)
def test_each_role_has_the_acts_that_it_may_do(
    staffed: Stand, role: str, forms: tuple[str, ...]
) -> None:
    page = evening(staffed, day_of(staffed.confirmed()), role)
    for name in ("block", "stop", "close-book", "cancel-many"):
        assert (f"data-{name}>" in page) == (name in forms), name


def test_what_is_blocked_and_stopped_is_shown_with_its_way_back(staffed: Stand) -> None:
    made = staffed.confirmed()
    day = day_of(made)
    start, later = staffed.start(), staffed.start(21)
    span = {"from": start, "until": later, "parties": "move"}
    block = post(staffed, "/blocks", {"tables": ["6"], "reason": "Broken leg"} | span)
    post(staffed, "/book/stop", {"date": day, "from": later})
    page = evening(staffed, day)
    assert f'data-lift="{block["id"]}"' in page and "Broken leg" in page
    assert 'data-reopen="dinner"' in page and "stopped from 9:00\u00a0PM" in page
    assert "Tables blocked" in page and "Online booking stopped or limited" in page
    assert f'value="{made["id"]}"' in page and "Ada Lovelace" in page
    post(staffed, "/book/reopen", {"date": day})
    assert "data-reopen" not in evening(staffed, day)


def test_the_panel_names_the_revision_that_its_acts_are_about(staffed: Stand) -> None:
    day = day_of(staffed.confirmed())
    page = evening(staffed, day)
    headers = staffed.as_staff("manager")
    book = staffed.client.get(f"/api/v1/restaurants/demo/book?date={day}", headers=headers).json
    assert f'data-book-revision="{book["revision"]}"' in page


def test_waits_at_the_door_are_quoted_by_size(staffed: Stand) -> None:
    enter(staffed.client)
    page = staffed.client.get("/stand/demo/waits")
    assert page.status_code == 200 and 'id="waits-now"' in page.text
    day = clock.now().astimezone(BERLIN).date().isoformat()
    assert "data-waits" in staffed.client.get("/stand/demo").text
    assert "data-waits" not in staffed.client.get("/stand/demo?date=2031-01-01").text, day


def divide(staffed: Stand, day: str, sections: list[dict[str, Any]]) -> None:
    body = {"date": day, "shift": "dinner", "sections": sections}
    answer = staffed.client.put(
        "/api/v1/restaurants/demo/book/sections", json=body, headers=staffed.as_staff("manager")
    )
    assert answer.status_code == 200, answer.text


def test_the_plan_says_whose_table_it_is_and_whose_turn(staffed: Stand) -> None:
    made = staffed.confirmed()
    day = day_of(made)
    divide(
        staffed,
        day,
        [{"server": "Anna", "tables": ["1", "2"]}, {"server": "Andrea", "tables": ["3"]}],
    )
    enter(staffed.client)
    page = staffed.client.get(f"/stand/demo/floor?date={day}").text
    assert page.count('<tspan class="server" dx="5">Ann</tspan>') == 2
    assert page.count('<tspan class="server" dx="5">And</tspan>') == 1
    assert re.search(r'class="is-next"><b class="server">And</b>', page)
    panel = evening(staffed, day, "host")
    assert 'value="Andrea, Anna"' in panel and "data-by-server" in panel
    assert "data-divide" not in evening(staffed, day, "viewer")


@pytest.mark.parametrize("view", ["", "/timeline", "/floor"])
def test_each_view_says_what_is_stopped(staffed: Stand, view: str) -> None:
    day = day_of(staffed.confirmed())
    enter(staffed.client)
    path = f"/stand/demo{view}?date={day}"
    assert 'class="limit-said"' not in staffed.client.get(path).text
    post(staffed, "/book/stop", {"date": day, "from": staffed.start(21), "covers": 4})
    said = "Online booking: at most 4 covers in a quarter-hour, from 9:00\u00a0PM"
    assert said in staffed.client.get(path).text
