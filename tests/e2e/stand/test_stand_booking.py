"""A booking beyond who and when, in a browser: length, features, a whole area; faults at fields."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from models.core.database.transactions import transaction
from models.entities import DiningTable, Restaurant
from tests.e2e.accessible.axe import faults
from tests.e2e.browsers import PHONE, picture
from tests.e2e.stands import Evening

TABLET = {"width": 1024, "height": 768}


@pytest.fixture
def equipped(evening: Evening) -> Evening:
    """The tables for four have booths, that of the terrace can be reached without steps."""
    names = [{"key": "booth", "name": "Booth"}, {"key": "step-free", "name": "Step-free"}]
    features = {"3": ["booth"], "4": ["booth"], "6": ["step-free"]}
    with transaction(evening.stack.engine) as session:
        row = update(Restaurant).where(Restaurant.id == evening.restaurant.id)
        session.execute(row.values(day_rules={"features": names}, revision=99))
        ids = [evening.restaurant.tables[label] for label in features]
        for table in session.scalars(select(DiningTable).where(DiningTable.id.in_(ids))):
            table.features = features[table.label]
    return evening


def booking(page: Page, size: int = 2) -> Any:
    """Go to the last step of a booking, and unfold what is more than who."""
    page.keyboard.press("Alt+b")
    page.locator(f'#panel [data-go$="size={size}"]').click()
    page.locator("#panel .time-choice:not(.none)").last.click()
    form = page.locator("#panel form[data-booking]")
    form.get_by_label("Name", exact=True).fill("Grace Hopper")
    form.get_by_text("Length of the stay").click()
    return form


def made(evening: Evening, name: str = "Grace Hopper") -> dict[str, Any]:
    """The party as the API shows it."""
    rows = evening.get(f"/book?date={day(evening)}")["reservations"]
    (row,) = [each for each in rows if each["guest"]["name"] == name]
    path = f"/reservations/{row['id']}"
    return dict(row) | evening.stack.staff("GET", path, evening.token).body


def day(evening: Evening) -> str:
    return str(evening.contexts[-1].pages[0].locator("#stand").get_attribute("data-day"))


def test_a_booking_has_its_own_length_and_gets_the_table_it_needs(equipped: Evening) -> None:
    page = equipped.stand(viewport=TABLET)
    form = booking(page)
    form.get_by_label("Minutes at the table").fill("45")
    form.get_by_role("group", name="Needs").get_by_label("Step-free").check()
    form.get_by_role("group", name="Wishes").get_by_label("Booth").check()
    form.get_by_role("button", name="Book", exact=True).click()
    expect(page.locator("#toast")).to_contain_text("Grace Hopper is booked")
    party = made(equipped)
    assert (party["turn_minutes"], party["needs"], party["wishes"]) == (
        45,
        ["step-free"],
        ["booth"],
    )
    assert party["tables"] == ["6"]


def test_a_party_takes_a_whole_area_unless_others_are_there(equipped: Evening) -> None:
    page = equipped.stand(viewport=PHONE, has_touch=True)
    form = booking(page)
    form.get_by_label("Takes a whole area").select_option(label="Terrace")
    expect(form.get_by_label("Table", exact=True)).to_be_disabled()
    form.get_by_role("button", name="Book", exact=True).tap()
    expect(page.locator("#toast")).to_contain_text("Grace Hopper is booked")
    assert made(equipped)["tables"] == ["6"]
    form = booking(page)
    form.get_by_label("Takes a whole area").select_option(label="Terrace")
    form.get_by_role("button", name="Book", exact=True).tap()
    area = form.get_by_label("Takes a whole area")
    expect(area).to_have_attribute("aria-invalid", "true")
    expect(form.locator("#wrong-whole_area")).to_contain_text("Grace Hopper")
    picture(page, "booking-phone-area-taken")


def test_a_length_that_is_none_is_said_at_its_field(equipped: Evening) -> None:
    page = equipped.stand(viewport=TABLET)
    form = booking(page)
    length = form.get_by_label("Minutes at the table")
    length.fill("20")
    form.get_by_text("Length of the stay").click()  # folded away
    form.get_by_role("button", name="Book", exact=True).click()
    expect(length).to_be_visible()
    expect(length).to_be_focused()
    length.evaluate("each => each.removeAttribute('step')")  # what the server says of it
    form.get_by_role("button", name="Book", exact=True).click()
    expect(form.locator("#wrong-turn_minutes")).to_have_text(
        "From 15 to 720 minutes, in steps of 15."
    )
    expect(length).to_be_focused()
    length.fill("30")
    form.get_by_role("button", name="Book", exact=True).click()
    expect(page.locator("#toast")).to_contain_text("Grace Hopper is booked")


def test_a_walk_in_gets_what_it_needs_or_a_whole_area(equipped: Evening) -> None:
    page = equipped.stand(viewport=PHONE, has_touch=True)
    for name, button in (("Ada", "Maitred chooses"), ("Bob", "Take the whole area")):
        page.locator("[data-open=walk-in]").tap()
        page.locator('#panel [data-go$="size=2"]').tap()
        page.locator("#walk-name").fill(name)
        page.locator("#walk-more > summary").tap()
        if name == "Ada":
            page.get_by_label("Minutes at the table").fill("60")
            page.get_by_role("group", name="Needs").get_by_label("Booth").check()
        else:
            page.get_by_label("Takes a whole area").select_option(label="Terrace")
        page.get_by_role("button", name=button).tap()
        expect(page.locator("#toast")).to_contain_text(f"{name} is seated")
    ada, bob = made(equipped, "Ada"), made(equipped, "Bob")
    assert (ada["needs"], ada["turn_minutes"], ada["tables"]) == (["booth"], 60, ["3"])
    assert bob["tables"] == ["6"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("tablet", {"viewport": TABLET, "color_scheme": "light"}),
        ("phone", {"viewport": PHONE, "has_touch": True, "color_scheme": "dark"}),
        ("german", {"viewport": PHONE}),
    ],
)
def test_the_choices_are_accessible(equipped: Evening, name: str, context: dict[str, Any]) -> None:
    page = equipped.stand(**context)
    if name == "german":
        page.locator(".menu > summary").click()
        page.get_by_role("button", name="Deutsch").click()
        expect(page.locator("html[lang=de][data-ready]")).to_be_attached()
    page.keyboard.press("Alt+b")
    page.locator('#panel [data-go$="size=2"]').click()
    page.locator("#panel .time-choice:not(.none)").last.click()
    page.locator("#book-more > summary").click()
    found = faults(page, "booking")
    picture(page, f"booking-{name}")
    page.keyboard.press("Escape")
    page.locator("[data-open=walk-in]").click()
    page.locator('#panel [data-go$="size=2"]').click()
    page.locator("#walk-more > summary").click()
    found += faults(page, "walk-in")
    picture(page, f"walk-in-{name}")
    assert found == []
