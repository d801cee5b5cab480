"""The requests that wait: counted on the list, listed for all dates, answered from the panel."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from models.core.database.transactions import transaction
from models.entities import Restaurant
from tasks.messaging.templates.wording import LANGUAGES
from tests.api.conftest import Stand
from tests.api.stand.test_guest_book import audited
from tests.api.stand.test_stand_sign_in import enter
from web.pages.stand.page import words_of


@pytest.fixture
def careful(staffed: Stand) -> Stand:
    """A restaurant whose staff approve parties of four and more."""
    with transaction(staffed.db) as session:
        rules = {"approvals": [{"min_party": 4}]}
        session.execute(update(Restaurant).values(day_rules=rules, revision=99))
    return staffed


def asked(stand: Stand, *, days: int, name: str = "Ada Lovelace") -> dict[str, Any]:
    guest = {"name": name, "email": f"{name.split()[0]}@example.com"}
    return stand.confirmed(party_size=4, start=stand.start(days=days), guest=guest)


def page(stand: Stand, path: str = "", role: str = "host", **headers: str) -> str:
    enter(stand.client, role)
    answer = stand.client.get(f"/stand/demo{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def test_the_list_counts_the_requests_of_all_dates(careful: Stand) -> None:
    assert "requests-said" not in page(careful)
    made = [asked(careful, days=each, name=f"G{each} H") for each in (3, 9)]
    careful.confirmed(party_size=2, guest={"name": "Two", "email": "two@example.com"})
    said = re.search(r'id="requests-said">.*?</p>', page(careful), re.DOTALL)
    assert said and '<span class="number">2</span>' in said[0]
    path = f"/api/v1/reservations/{made[0]['id']}/approve"
    assert careful.client.post(path, json={}, headers=careful.as_staff()).status_code == 200
    assert '<span class="number">1</span></button></p>' in page(careful)


def test_the_panel_says_until_when_each_is_held_and_leads_to_it(careful: Stand) -> None:
    made = asked(careful, days=3)
    shown = page(careful, "/requests", **{"Accept-Language": "en-GB"})
    (item,) = re.findall(r'<li id="q\d+".*?</li>', shown, re.DOTALL)
    assert f'data-id="{made["id"]}"' in item and "Ada Lovelace" in item
    assert "held until" in item and 'data-verb="approve"' in item and "data-decline" in item
    (day,) = re.findall(r'data-go="party/\d+\?date=([\d-]+)"', item)
    assert day == made["start"][:10]
    assert ("book.read", ["requests"]) in audited(careful)
    party = page(careful, f"/party/{made['id']}?date={day}")
    assert "data-decline" in party and 'data-verb="decline"' not in party


def test_a_viewer_sees_them_and_answers_none(careful: Stand) -> None:
    asked(careful, days=3)
    shown = page(careful, "/requests", "viewer")
    assert "Ada Lovelace" in shown
    assert "data-verb" not in shown and "data-decline" not in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_request_is_said_in_every_language(careful: Stand, language: str) -> None:
    shown = page(careful, "/requests", **{"Accept-Language": language})
    assert words_of(language)["empty_requests"] in shown


def test_many_requests_take_as_many_queries_as_one(
    careful: Stand, query_counter: Callable[[], Any]
) -> None:
    counts = []
    for number in range(2):
        asked(careful, days=3 + number, name=f"G{number} H")
        page(careful, "/requests")
        with query_counter() as counted:
            careful.client.get("/stand/demo/requests")
        counts.append(counted.count)
    assert counts[0] == counts[1]
