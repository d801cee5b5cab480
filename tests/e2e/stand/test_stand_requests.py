"""Requests that wait, in a browser: counted, accepted, declined in own words, and seen live."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from models.core import clock
from models.core.database.transactions import transaction
from models.entities import Restaurant
from tests.e2e.accessible.axe import faults
from tests.e2e.browsers import PHONE, picture
from tests.e2e.stands import Evening


@pytest.fixture
def careful(evening: Evening) -> Evening:
    """The staff approve parties of four and more."""
    rules = {"approvals": [{"min_party": 4}]}
    with transaction(evening.stack.engine) as session:
        row = update(Restaurant).where(Restaurant.id == evening.restaurant.id)
        session.execute(row.values(day_rules=rules, revision=99))
    return evening


def ask(evening: Evening, name: str, *, days: int = 1, size: int = 4) -> int:
    """A guest's request; returns its id once it holds a table."""
    quarter = int(clock.now().timestamp()) // 900 + days * 96
    guest = {"name": name, "email": f"{uuid.uuid4().hex}@example.com"}
    body: dict[str, Any] = {
        "party_size": size,
        "start": datetime.fromtimestamp(quarter * 900, UTC).isoformat(),
        "guest": guest,
        "note": "By the window, please",
    }
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    path = f"/api/v1/restaurants/{evening.restaurant.slug}/reservations"
    answer = evening.stack._send("POST", path, json=body, headers=headers)
    assert answer.status == 202, answer.body
    number = int(answer.body["id"])
    evening.stack.wait_decided([number])
    return number


def requests(page: Page) -> Any:
    """Open the panel of the requests by the keyboard."""
    page.keyboard.press("Alt+r")
    panel = page.locator("#panel[open] [data-requests]")
    expect(panel).to_be_visible()
    return panel


def test_requests_are_answered_and_others_come_in_live(careful: Evening) -> None:
    first, second = ask(careful, "Lovelace"), ask(careful, "Hopper", days=2)
    page = careful.stand()
    said = page.locator("#requests-said")
    expect(said).to_contain_text("2")
    panel = requests(page)
    panel.locator(f"#q{first}").get_by_role("button", name="Accept").click()
    expect(panel.locator(f"#q{first}")).to_have_count(0)
    expect(page.locator("#toast")).to_contain_text("Lovelace is accepted")
    form = panel.locator(f"#q{second}")
    form.get_by_text("Decline", exact=True).click()
    form.get_by_label("Your own words").fill("We have a wedding.")
    third = ask(careful, "Turing", days=3)
    expect(panel.locator(f"#q{third}")).to_be_visible()
    expect(form.get_by_label("Your own words")).to_have_value("We have a wedding.")
    form.get_by_role("button", name="Decline the request").click()
    expect(panel.locator(f"#q{second}")).to_have_count(0)
    expect(said.locator(".number")).to_have_text("1")
    expected = {first: "confirmed", second: "declined", third: "confirmed"}
    assert careful.stack.statuses([first, second, third]) == expected
    steps = careful.stack.staff("GET", f"/reservations/{second}/history", careful.token).body
    assert "We have a wedding." in str(steps)


def test_a_request_answered_elsewhere_is_refused_in_words(careful: Evening) -> None:
    number = ask(careful, "Lovelace")
    page = careful.stand()
    panel = requests(page)
    page.route("**/requests", lambda route: route.abort())  # this stand does not hear of it
    careful.move({"id": number}, "approve")
    form = panel.locator(f"#q{number}")
    form.get_by_text("Decline", exact=True).click()
    form.get_by_role("button", name="Decline the request").click()
    expect(form.locator("[data-wrong]")).to_contain_text("Not done: Lovelace is now")
    assert careful.stack.statuses([number]) == {number: "confirmed"}


def test_a_refusal_is_undone_from_the_toast_and_an_answer_is_not(careful: Evening) -> None:
    number = ask(careful, "Lovelace")
    page = careful.stand()
    form = requests(page).locator(f"#q{number}")
    form.get_by_text("Decline", exact=True).click()
    form.get_by_role("button", name="Decline the request").click()
    undo = page.locator("#toast").get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    picture(page, "requests-declined")
    assert careful.stack.statuses([number]) == {number: "declined"}
    undo.click()
    expect(form).to_be_visible()
    made = careful.stack.staff("GET", f"/reservations/{number}", careful.token).body
    assert (made["status"], made["approve_by"] is not None) == ("requested", True)
    form.get_by_role("button", name="Accept").click()
    expect(page.locator("#toast")).to_contain_text("Lovelace is accepted")
    expect(undo).to_have_count(0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("tablet", {"viewport": {"width": 1024, "height": 768}, "color_scheme": "light"}),
        ("phone", {"viewport": PHONE, "has_touch": True, "color_scheme": "dark"}),
        ("german", {"viewport": PHONE}),
    ],
)
def test_the_requests_are_accessible(careful: Evening, name: str, context: dict[str, Any]) -> None:
    number = ask(careful, "Lovelace")
    ask(careful, "Baroness Wilhelmina von Hohenstein-Wertheim", days=2)
    page = careful.stand(**context)
    if name == "german":
        page.locator(".menu > summary").click()
        page.get_by_role("button", name="Deutsch").click()
        expect(page.locator("html[lang=de][data-ready]")).to_be_attached()
    found = faults(page, "list")
    picture(page, f"requests-{name}-list")
    page.locator("#requests-said button").click()
    page.locator(f"#q{number} summary").click()
    found += faults(page, "requests")
    picture(page, f"requests-{name}-panel")
    page.locator(f"#q{number} [data-go]").click()
    expect(page.locator(".party-facts")).to_be_visible()
    found += faults(page, "party")
    picture(page, f"requests-{name}-party")
    assert found == []
