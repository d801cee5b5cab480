"""The guest book in a browser: found while one types, opened, written in, known when booking."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from models.core import clock
from models.core.database.transactions import transaction
from models.operations.guest_book.filing import file_some
from tests.e2e.accessible.axe import faults
from tests.e2e.browsers import PHONE, TABLET, picture
from tests.e2e.stands import Evening

ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+49 30 123456"}


@pytest.fixture
def evening(evening: Evening) -> Evening:
    """Two guests of the evening are in the guest book."""
    evening.book("Ada Lovelace", guest=ADA)
    evening.book(
        "Adam Smith", quarters=3, guest={"name": "Adam Smith", "email": "adam@example.com"}
    )
    with transaction(evening.stack.engine) as session:
        file_some(session, after=0, now=clock.now(), limit=10_000)
    return evening


def panel(page: Page) -> Page:
    return page.locator("#panel")  # type: ignore[return-value]


def find(page: Page, text: str, name: str) -> None:
    page.get_by_role("searchbox").fill(text)
    expect(page.locator("#hits").get_by_text(name)).to_be_visible()


@pytest.mark.both
def test_a_guest_is_found_while_one_types_and_written_in(evening: Evening) -> None:
    page = evening.stand("/guests")
    find(page, "ada", "Adam Smith")
    find(page, "3456", "Ada Lovelace")
    expect(page.locator("#hits").get_by_text("Adam Smith")).to_be_hidden()
    assert "3456" not in page.url and "ada" not in page.url
    page.get_by_role("button", name=re.compile("^Ada Lovelace")).click()
    page.get_by_label("New note").fill("Likes the window")
    page.get_by_role("button", name="Add the note").click()
    expect(panel(page).get_by_text("Likes the window", exact=True)).to_be_visible()
    page.get_by_text("Change", exact=True).click()
    page.get_by_label("Allergies").fill("nuts")
    page.get_by_label("Tags, with commas between").fill("regular, press")
    page.get_by_label("VIP").check()
    page.get_by_role("button", name="Save").click()
    expect(panel(page).get_by_text("#press")).to_be_visible()
    expect(panel(page).locator(".allergies")).to_contain_text("nuts")
    expect(page.locator("#toast")).to_contain_text("saved")


def test_a_block_is_taken_back_from_the_toast(evening: Evening) -> None:
    page = evening.stand("/guests")
    find(page, "lovelace", "Ada Lovelace")
    page.get_by_role("button", name=re.compile("^Ada Lovelace")).click()
    page.get_by_text("Block from booking online", exact=True).click()
    page.get_by_label("Reason, for the staff").fill("left without paying")
    page.get_by_role("button", name="Block", exact=True).click()
    expect(panel(page).get_by_text("left without paying")).to_be_visible()
    page.locator("#toast").get_by_role("button", name="Undo").click()
    expect(page.locator("#toast")).to_contain_text("undone")
    expect(panel(page).get_by_text("left without paying")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#toast")).to_contain_text("undone")
    find(page, "lovelace ", "Ada Lovelace")
    expect(page.locator("#hits").get_by_text("blocked")).to_be_hidden()


def test_two_records_are_merged_and_separated(evening: Evening) -> None:
    page = evening.stand("/guests")
    find(page, "lovelace", "Ada Lovelace")
    page.get_by_role("button", name=re.compile("^Ada Lovelace")).click()
    page.get_by_text("Merge with another record", exact=True).click()
    panel(page).get_by_label("Search guests").fill("smith")
    panel(page).get_by_role("button", name=re.compile("^Adam Smith")).click()
    expect(panel(page).get_by_text("adam@example.com")).to_be_visible()
    page.get_by_role("button", name="Separate again").click()
    expect(panel(page).get_by_text("adam@example.com")).to_be_hidden()


def test_a_host_opens_a_guest_by_keyboard_alone(evening: Evening) -> None:
    page = evening.stand()
    page.keyboard.press("Alt+g")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.locator("html[data-ready]")).to_be_attached()
    page.keyboard.type("lovel")
    expect(page.locator("#hits").get_by_text("Ada Lovelace")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(panel(page).get_by_text("ada@example.com")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()


def test_a_party_leads_to_its_guest(evening: Evening) -> None:
    page = evening.stand()
    page.get_by_text("Ada Lovelace").first.click()
    page.get_by_role("button", name="The guest’s record").click()
    expect(panel(page).get_by_role("heading", name="Reservations")).to_be_visible()
    panel(page).locator(".visits .party").first.click()
    expect(page.get_by_role("button", name="The guest’s record")).to_be_visible()


def test_spend_is_recorded_in_the_panel_and_shown_on_the_record(evening: Evening) -> None:
    page = evening.stand()
    page.get_by_role("button", name=re.compile("^Arrived: Ada L")).click()
    page.get_by_role("button", name=re.compile("^Seat: Ada L")).click()
    page.locator(".section-seated").get_by_text("Ada Lovelace").click()
    page.get_by_text("Spend", exact=True).first.click()
    page.locator("#c-spend").fill("128,50")
    page.locator("#c-spend").press("Enter")
    expect(page.locator("#toast")).to_contain_text("saved")
    page.locator(".section-seated").get_by_text("Ada Lovelace").click()
    page.get_by_role("button", name="The guest’s record").click()
    expect(panel(page).get_by_text("Spend: 128.50 (on average 128.50)")).to_be_visible()
    picture(page, "43-guest-spend")


def test_the_host_is_told_of_a_guest_who_is_blocked(evening: Evening) -> None:
    write_all(evening)
    page = evening.stand()
    page.get_by_role("button", name="Book", exact=True).click()
    page.get_by_role("button", name="2", exact=True).click()
    page.locator(".time-choice:not(.none)").last.click()
    page.locator("#book-name").fill("A. Lovelace")
    page.locator("#book-email").fill("ada@example.com")
    page.locator(".known-guest").click()
    known = page.locator("[data-known]")
    expect(known).to_contain_text("This guest is blocked from booking online.")
    expect(known).to_contain_text("nuts and shellfish")
    picture(page, "46-known-guest-blocked")
    page.locator("form[data-booking] .main-button").click()
    expect(page.locator("#toast")).to_contain_text("Ada Lovelace is blocked from booking online.")


def test_a_booking_by_phone_proposes_the_known_guest(evening: Evening) -> None:
    page = evening.stand()
    page.get_by_role("button", name="Book", exact=True).click()
    page.get_by_role("button", name="4", exact=True).click()
    page.locator(".time-choice:not(.none)").last.click()
    page.locator("#book-phone").fill("030 123456")
    known = page.locator(".known-guest")
    expect(known).to_have_count(1)
    picture(page, "41-known-guest")
    page.locator("#book-phone").press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#book-name")).to_have_value("Ada Lovelace")
    expect(page.locator("#book-email")).to_have_value("ada@example.com")
    page.locator("form[data-booking] .main-button").click()
    expect(page.locator(".section-coming").get_by_text("Ada Lovelace")).to_have_count(2)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
@pytest.mark.parametrize("size", [TABLET, PHONE], ids=["tablet", "phone"])
def test_nothing_is_cut_off_and_targets_are_large(
    evening: Evening, size: dict[str, int], scheme: str
) -> None:
    page = evening.stand("/guests", viewport=size, color_scheme=scheme)
    find(page, "ada", "Adam Smith")
    name = f"{size['width']}-{scheme}"
    picture(page, f"40-guests-{name}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("button", name=re.compile("^Ada Lovelace")).click()
    expect(panel(page).get_by_text("ada@example.com")).to_be_visible()
    if name == "1280-light":
        page.get_by_label("New note").fill("Likes the window, and came with Charles last time")
        page.get_by_role("button", name="Add the note").click()
        expect(panel(page).locator(".notes .note")).to_have_count(1)
    picture(page, f"42-guest-{name}")
    for button in page.locator("#panel button:visible, .bar a:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 24 and box["width"] >= 24, button.inner_text()


def write_all(evening: Evening) -> None:
    """Write everything that a record can have on Ada's, so that all of it is on the pages."""
    hits = evening.send("/guests/search", {"text": "ada@example.com"})
    place = f"/restaurants/{evening.restaurant.slug}/guests/{hits['guests'][0]['id']}"
    facts: dict[str, Any] = {
        "allergies": "nuts and shellfish",
        "tags": ["regular", "press"],
        "vip": True,
    }
    for verb, path, body in (
        ("PATCH", "", facts),
        ("POST", "/notes", {"text": "Likes the window, and came with Charles last time"}),
        ("POST", "/consent", {"given": True, "wording": "stand-1"}),
        ("POST", "/block", {"reason": "left without paying"}),
    ):
        assert evening.stack.staff(verb, place + path, evening.token, **body).status == 200


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [TABLET, PHONE], ids=["tablet", "phone"])
def test_a_full_record_is_accessible(evening: Evening, size: dict[str, int], scheme: str) -> None:
    write_all(evening)
    page = evening.stand("/guests", viewport=size, color_scheme=scheme)
    name = f"{size['width']}-{scheme}"
    find(page, "ada", "Adam Smith")
    picture(page, f"44-guests-full-{name}")
    found = faults(page, "guests")
    page.get_by_role("button", name=re.compile("^Ada Lovelace")).click()
    expect(panel(page).get_by_text("Likes the window", exact=False).first).to_be_visible()
    for folded in panel(page).locator("summary").all():
        folded.click()
    panel(page).get_by_label("Search guests").fill("smith")
    expect(panel(page).locator(".known-guest")).to_have_count(1)
    panel(page).evaluate("dialog => { dialog.style.height = 'auto'; dialog.scrollTop = 0 }")
    picture(page, f"45-guest-full-{name}")
    found += faults(page, "record")
    assert page.evaluate("panel.scrollWidth <= panel.clientWidth")
    assert not found, "\n".join(found)
