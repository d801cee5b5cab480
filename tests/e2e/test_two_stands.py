"""One evening at two stands, all by touch, all by mouse, all by keyboard: each sees the other."""

import re
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.hands import Hand, middle
from tests.e2e.stands import Evening, section

pytestmark = [pytest.mark.mariadb, pytest.mark.slow]


def _step(name: str, party: str) -> re.Pattern[str]:
    return re.compile(f"^{name}: {party}")


def test_the_steps_of_a_party_and_undo(evening: Evening, stands: tuple[Hand, Page]) -> None:
    hand, other = stands
    evening.book("Lovelace")
    hand.page.reload()
    expect(hand.page.locator("html[data-ready]")).to_be_attached()
    for step, place in (("Arrived", "here"), ("Seat", "seated")):
        hand.press(hand.page.get_by_role("button", name=_step(step, "Lovelace")))
        expect(section(other, place).get_by_text("Lovelace")).to_be_visible()
    expect(hand.page.locator("#toast")).to_contain_text("is seated")
    if hand.how == "keyboard":
        hand.page.keyboard.press("Alt+z")
    else:
        hand.press(hand.page.locator("#toast button"))
    expect(section(other, "here").get_by_text("Lovelace")).to_be_visible()
    # the other stand acts on what it saw
    other.get_by_role("button", name=_step("Seat", "Lovelace")).click()
    expect(section(hand.page, "seated").get_by_text("Lovelace")).to_be_visible()
    hand.press(hand.page.get_by_role("button", name=_step("Left", "Lovelace")))
    expect(section(other, "gone").locator(".number")).to_have_text("1")


def test_a_walk_in_and_a_booking(evening: Evening, stands: tuple[Hand, Page]) -> None:
    hand, other = stands
    page = hand.page
    hand.open("Walk-in", "Alt+w")
    hand.press(page.get_by_role("button", name="2", exact=True))
    hand.press(page.locator("[data-walk-in]").first)
    expect(section(other, "seated").locator(".row")).to_have_count(1)
    hand.open("Book", "Alt+b")
    hand.press(page.get_by_role("button", name="4", exact=True))
    hand.press(page.locator(".time-choice:not(.none)").last)
    page.locator("#book-name").fill("Grace Hopper")
    hand.press(page.locator("form[data-booking] .main-button"))
    expect(section(other, "coming").get_by_text("Grace Hopper")).to_be_visible()


def test_a_party_gets_a_table_of_the_plan(evening: Evening, stands: tuple[Hand, Page]) -> None:
    hand, other = stands
    made = evening.book("Lovelace")
    evening.move(made, "arrive")
    hand.go("Floor", "Alt+3")
    other.goto(f"{other.url.partition('?')[0]}/floor")
    chip, table = hand.page.locator(".wait-chip"), hand.page.locator(".table[data-table='6']")
    if hand.how == "keyboard":
        hand.press(chip)
        pick = hand.page.locator("#panel [data-assign][data-tables='6']")
        pick.evaluate("(one) => { for (let it = one; it; it = it.closest('details'))"
                      " { it.open = true; it = it.parentElement; } }")  # fmt: skip
        hand.press(pick)
    else:
        hand.drag(middle(chip), middle(table))
    expect(other.locator(".table[data-table='6']")).to_have_attribute("data-party", made["id"])
    assert evening.status(made) == "seated"


def test_a_turn_is_made_longer(evening: Evening, stands: tuple[Hand, Page]) -> None:
    hand, other = stands
    made = evening.book("Lovelace", quarters=1)
    hand.go("Timeline", "Alt+2")
    other.goto(f"{other.url.partition('?')[0]}/timeline")
    bar = hand.page.get_by_role("button", name=re.compile("^Lovelace"))
    bar.scroll_into_view_if_needed()
    if hand.how == "keyboard":
        _longer_by_keyboard(hand, bar)
    else:
        box = bar.bounding_box()
        assert box is not None
        quarter = box["width"] / _quarters(made)
        edge = box["x"] + box["width"] - 4, box["y"] + box["height"] / 2
        hand.drag(edge, (edge[0] + 2 * quarter, edge[1]))
    begins = float(bar.get_attribute("data-begins") or "nan")
    longer = str(begins + _quarters(made) + 2)
    on_the_other = other.get_by_role("button", name=re.compile("^Lovelace"))
    expect(on_the_other).to_have_attribute("data-ends", longer)
    now = evening.stack.staff("GET", f"/reservations/{made['id']}", evening.token).body
    assert _quarters(now) == _quarters(made) + 2


def _quarters(made: dict[str, Any]) -> float:
    turn = datetime.fromisoformat(made["end"]) - datetime.fromisoformat(made["start"])
    return turn.total_seconds() / 900


def _longer_by_keyboard(hand: Hand, bar: Locator) -> None:
    hand.press(bar)
    hand.press(hand.page.get_by_role("button", name="+30 min"))
    hand.press(hand.page.locator("[data-proposal] .main-button"))
