"""The host stand in a browser: two stands at once, undo, stale acts, a lost line, the keyboard."""

import re
from datetime import datetime

import pytest
from playwright.sync_api import expect

from tests.e2e.browsers import PHONE, TABLET, picture
from tests.e2e.stands import Evening, section


@pytest.mark.both
def test_two_stands_see_each_others_acts(evening: Evening) -> None:
    made = evening.book("Lovelace")
    first, second = evening.stand(), evening.stand()
    first.get_by_role("button", name=re.compile("^Arrived: Lovelace")).click()
    expect(section(second, "here").get_by_text("Lovelace")).to_be_visible()
    second.get_by_role("button", name=re.compile("^Seat: Lovelace")).click()
    expect(section(first, "seated").get_by_text("Lovelace")).to_be_visible()
    first.get_by_role("button", name=re.compile("^Left: Lovelace")).click()
    expect(section(second, "gone").locator(".number")).to_have_text("1")
    assert evening.status(made) == "finished"


def test_every_step_is_undone_from_the_toast(evening: Evening) -> None:
    made = evening.book("Lovelace")
    page = evening.stand()
    toast = page.locator("#toast")
    for verb, said in (("Arrived", "is here"), ("Seat", "is seated"), ("Left", "has left")):
        before = evening.status(made)
        page.get_by_role("button", name=re.compile(f"^{verb}: Lovelace")).click()
        expect(toast).to_contain_text(said)
        assert evening.status(made) != before
        toast.get_by_role("button", name="Undo").click()
        expect(toast).to_contain_text("undone")
        assert evening.status(made) == before
        page.get_by_role("button", name=re.compile(f"^{verb}: Lovelace")).click()
        expect(toast).to_contain_text(said)


def test_an_act_on_an_old_page_is_refused_with_what_changed(evening: Evening) -> None:
    made = evening.book("Lovelace", quarters=-2)
    page = evening.stand()
    # the page hears nothing of the other stand
    page.route("**/book/events**", lambda route: route.abort())
    page.reload()
    expect(page.locator("html[data-ready]")).to_be_attached()
    button = section(page, "coming").get_by_role("button", name=re.compile("^Arrived"))
    expect(button).to_be_visible()
    page.route(f"**/stand/{evening.restaurant.slug}", lambda route: route.abort())
    evening.move(made, "no-show")
    button.click()
    expect(page.locator("#toast")).to_contain_text("Not done: Lovelace is now “no-show”.")
    assert evening.status(made) == "no_show"


def test_a_lost_line_is_said_and_caught_up(evening: Evening) -> None:
    made = evening.book("Lovelace")
    page = evening.stand()
    page.context.set_offline(True)
    expect(page.locator("#line")).to_be_visible()
    expect(page.get_by_text("Lovelace").first).to_be_visible()
    evening.move(made, "arrive")
    page.context.set_offline(False)
    expect(section(page, "here").get_by_text("Lovelace")).to_be_visible()
    expect(page.locator("#line")).to_be_hidden()


def test_a_host_works_by_keyboard_alone(evening: Evening) -> None:
    made = evening.book("Lovelace")
    evening.book("Hopper", quarters=2)
    page = evening.stand()
    page.keyboard.press("Alt+s")
    page.keyboard.type("love")
    expect(page.get_by_text("Hopper")).to_be_hidden()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("n")
    expect(section(page, "here").get_by_text("Lovelace")).to_be_visible()
    page.keyboard.press("Alt+z")
    expect(section(page, "coming").get_by_text("Lovelace")).to_be_visible()
    assert evening.status(made) == "confirmed"


def test_digits_of_the_phone_find_a_party(evening: Evening) -> None:
    evening.book("Lovelace", guest={"name": "Lovelace", "phone": "+49 30 5551234"})
    evening.book("Hopper")
    page = evening.stand()
    page.get_by_role("searchbox").fill("030 5551234")
    expect(page.get_by_text("Hopper")).to_be_hidden()
    expect(page.get_by_text("Lovelace").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [TABLET, PHONE], ids=["tablet", "phone"])
def test_nothing_is_cut_off_and_targets_are_large(
    evening: Evening, size: dict[str, int], scheme: str
) -> None:
    evening.move(evening.book("Lovelace"), "arrive")
    evening.book("Hopper", note="Nut allergy", quarters=3)
    page = evening.stand(viewport=size, color_scheme=scheme)
    picture(page, f"30-stand-{size['width']}-{scheme}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for button in page.locator("button:visible, .bar a:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 24 and box["width"] >= 24, button.inner_text()


def test_a_walk_in_sits_after_three_taps(evening: Evening) -> None:
    page = evening.stand(viewport=PHONE, has_touch=True)
    page.get_by_role("button", name="Walk-in").tap()
    page.get_by_role("button", name="2", exact=True).tap()
    picture(page, "31-walk-in")
    page.locator("[data-walk-in]").first.tap()
    expect(page.locator("#toast")).to_contain_text("Walk-in is seated")
    expect(section(page, "seated").locator(".row")).to_have_count(1)


def test_a_booking_by_phone_goes_by_size_time_and_name(evening: Evening) -> None:
    page, other = evening.stand(), evening.stand()
    page.get_by_role("button", name="Book", exact=True).click()
    page.get_by_role("button", name="4", exact=True).click()
    page.locator(".time-choice:not(.none)").last.click()
    page.locator("#book-name").fill("Grace Hopper")
    page.locator("#book-phone").fill("+49 30 1234567")
    picture(page, "32-booking")
    page.locator("form[data-booking] .main-button").click()
    expect(section(page, "coming").get_by_text("Grace Hopper")).to_be_visible()
    expect(section(other, "coming").get_by_text("Grace Hopper")).to_be_visible()


def test_a_party_is_dragged_onto_a_table_of_the_plan(evening: Evening) -> None:
    made = evening.book("Lovelace")
    evening.move(made, "arrive")
    page = evening.stand("/floor")
    picture(page, "33-floor")
    chip, table = page.locator(".wait-chip"), page.locator(".table[data-table='6']")
    chip.hover()
    page.mouse.down()
    table.hover(force=True)
    expect(page.locator(".drag-hint")).to_contain_text("6")
    page.mouse.up()
    expect(table).to_have_attribute("data-party", made["id"])
    assert evening.status(made) == "seated"
    # and without dragging: Enter on a free table begins a walk-in there
    page.locator(".table[data-table='3']").press("Enter")
    expect(page.get_by_role("heading", name="How many?")).to_be_visible()


def test_a_bar_is_dragged_to_another_time(evening: Evening) -> None:
    made = evening.book("Lovelace", quarters=3, size=5)
    page = evening.stand("/timeline")
    picture(page, "34-timeline")
    bar = page.get_by_role("button", name=re.compile("^Lovelace"))
    box = bar.bounding_box()
    assert box is not None
    quarter = box["width"] / 8  # a party of five has eight quarters
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 20 + 2 * quarter, box["y"] + 10, steps=4)
    page.mouse.up()
    expect(page.locator("#toast")).to_contain_text("saved")
    now = evening.stack.staff("GET", f"/reservations/{made['id']}", evening.token).body
    moved = datetime.fromisoformat(now["start"]) - datetime.fromisoformat(made["start"])
    assert moved.total_seconds() == 1800


def test_a_change_in_the_panel_counts_in_the_zone_of_the_restaurant(evening: Evening) -> None:
    made = evening.book("Lovelace", quarters=2)
    page = evening.stand(timezone_id="America/New_York")
    page.locator(f"#r{made['id']} .party").click()
    page.get_by_text("Change", exact=True).click()
    page.get_by_role("textbox", name="Party").fill("3")
    page.get_by_label("Staff note").fill("by the window")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toast")).to_contain_text("saved")
    now = evening.stack.staff("GET", f"/reservations/{made['id']}", evening.token).body
    assert (now["party_size"], now["staff_note"]) == (3, "by the window")
    assert now["start"] == made["start"]
