"""What an evening asks of two stands, by touch, by mouse, and by keyboard alone.

The act at one stand is seen at the other without loading it again; the time is printed.
"""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.hands import Hand, seen
from tests.e2e.stands import Evening, section

pytestmark = [pytest.mark.mariadb, pytest.mark.slow]
Stands = tuple[Hand, Page]


def facts(evening: Evening, made: dict[str, Any]) -> dict[str, Any]:
    """Return the reservation as it is now."""
    return evening.stack.staff("GET", f"/reservations/{made['id']}", evening.token).body


def look_at(page: Page, view: str) -> None:
    """Show another view."""
    page.goto(f"{page.url.partition('?')[0]}{view}")
    expect(page.locator("html[data-ready]")).to_be_attached()


def panel_of(hand: Hand, made: dict[str, Any]) -> Locator:
    """Open a party's panel from its line or its bar."""
    hand.press(hand.page.locator(f"#r{made['id']} .party, .tl-bar[data-id='{made['id']}']").first)
    panel = hand.page.locator("#panel[open]")
    expect(panel.locator(".party-facts")).to_be_visible()
    return panel


def part_of_the_evening(hand: Hand, name: str) -> Locator:
    """Open a part of the evening's panel."""
    if hand.how == "keyboard":
        hand.page.keyboard.press("Alt+e")
    else:
        hand.press(hand.page.locator(".menu summary"))
        hand.press(hand.page.get_by_role("button", name="The evening"))
    part = hand.page.locator(f"#panel[open] #e-{name}")
    hand.unfold(part.locator("summary"))
    return part


def test_a_bar_is_moved_to_another_time(evening: Evening, stands: Stands) -> None:
    hand, other = stands
    made = evening.book("Lovelace", quarters=3, size=5)
    for page in (hand.page, other):
        look_at(page, "/timeline")
    bar = hand.page.get_by_role("button", name=re.compile("^Lovelace"))
    bar.scroll_into_view_if_needed()
    begins = float(bar.get_attribute("data-begins") or "nan")
    condition = f"document.querySelector('.tl-bar')?.dataset.begins == {begins + 2:g}"
    with seen(hand, other, "another time", condition):
        if hand.how == "keyboard":
            _later_by_keyboard(hand, made)
        else:
            box = bar.bounding_box()
            assert box is not None
            quarter, y = box["width"] / 8, box["y"] + box["height"] / 2
            hand.drag((box["x"] + 20, y), (box["x"] + 20 + 2 * quarter, y))
    moved = datetime.fromisoformat(facts(evening, made)["start"])
    assert moved == datetime.fromisoformat(made["start"]) + timedelta(minutes=30)


def _later_by_keyboard(hand: Hand, made: dict[str, Any]) -> None:
    panel = panel_of(hand, made)
    hand.unfold(panel.get_by_text("Change", exact=True))
    field = panel.get_by_label("When")
    later = datetime.fromisoformat(field.input_value()) + timedelta(minutes=30)
    hand.reach(field)
    for _part in ("month", "day", "year"):
        hand.page.keyboard.press("ArrowRight")
    hand.page.keyboard.type(f"{later:%I%M%p}")
    expect(field).to_have_value(f"{later:%Y-%m-%dT%H:%M}")
    hand.press(panel.get_by_role("button", name="Save"))


def test_two_parties_swap_tables(evening: Evening, stands: Stands) -> None:
    hand, other = stands
    first, second = evening.book("Lovelace"), evening.book("Hopper")
    was = first["tables"], second["tables"]
    expect(hand.page.locator(f"#r{second['id']}")).to_be_visible()
    panel = panel_of(hand, first)
    hand.unfold(panel.get_by_text("Swap with another party"))
    hand.choose(panel.get_by_label("Swap with"), second["id"])
    shown = f"document.querySelector('#r{first['id']} .tables')?.textContent"
    with seen(hand, other, "a swap", f"{shown}.endsWith('{was[1][0]}')"):
        hand.press(panel.get_by_role("button", name="Show what would happen").last)
        expect(hand.page.locator("#toast")).to_be_visible()
    assert (facts(evening, second)["tables"], facts(evening, first)["tables"]) == was


@pytest.mark.parametrize("what", ["tables", "area"])
def test_tables_and_an_area_are_blocked(evening: Evening, stands: Stands, what: str) -> None:
    hand, other = stands
    look_at(other, "/floor")
    part = part_of_the_evening(hand, "blocks")
    labels = ["5", "6"] if what == "tables" else ["1", "2", "3", "4", "5"]
    if what == "tables":
        for label in labels:
            hand.check(part.locator(f"[name=tables][value='{label}']"))
    else:
        hand.check(part.locator("[name=area][value=hall]"))
    hand.write(part.get_by_label("Reason"), "Rain")
    hand.press(part.get_by_role("button", name="Show what would happen"))
    expect(part.locator("[data-result]")).to_contain_text("Nobody is concerned")
    blocked = f"document.querySelectorAll('.table.t-blocked').length === {len(labels)}"
    with seen(hand, other, f"a block of {what}", blocked):
        hand.press(part.get_by_role("button", name="Block"))
        expect(hand.page.get_by_role("button", name="Lift")).to_be_visible()
    for label in labels:
        expect(other.locator(f".table[data-table='{label}']")).to_have_class(
            re.compile("t-blocked")
        )
    with seen(hand, other, "a lift", "!document.querySelector('.table.t-blocked')"):
        hand.press(hand.page.get_by_role("button", name="Lift"))


def test_tonight_is_closed(evening: Evening, stands: Stands) -> None:
    hand, other = stands
    made = evening.book("Lovelace", quarters=4)
    part = part_of_the_evening(hand, "close")
    hand.choose(part.get_by_label("Shift"), "dinner")
    hand.write(part.get_by_label("Reason"), "Burst pipe")
    hand.press(part.get_by_role("button", name="Show what would happen"))
    expect(part.locator("[data-result]")).to_contain_text("Lovelace, 2 · is cancelled")
    with seen(hand, other, "a closing", "document.querySelector('.limit-said')"):
        hand.press(part.get_by_role("button", name="Close now"))
        expect(hand.page.locator("#toast")).to_contain_text("Closed")
    expect(section(other, "gone").locator(".number")).to_have_text("1")
    assert evening.status(made) == "cancelled"


def test_a_party_waits_at_the_door_is_called_and_sits(evening: Evening, stands: Stands) -> None:
    hand, other = stands
    page = hand.page
    hand.open("Walk-in", "Alt+w")
    hand.press(page.get_by_role("button", name="2", exact=True))
    hand.write(page.locator("#walk-name"), "Germain")
    waits = "document.querySelector('.section-waitlist .name')?.textContent === 'Germain'"
    with seen(hand, other, "a party at the door", waits):
        hand.press(page.locator("[data-door]"))
        expect(page.locator("#toast")).to_contain_text("Germain")
    entry = evening.get("/door")["entries"][0]
    expect(page.locator(f"#r{entry['id']}")).to_be_visible()
    panel = panel_of(hand, entry)
    called = f"document.querySelector('#r{entry['id']} .flag.called')"
    with seen(hand, other, "a call", called):
        hand.press(panel.locator("[data-verb=ready]"))
        expect(panel).to_be_hidden()
    seated = "document.querySelector('.section-seated .name')?.textContent === 'Germain'"
    with seen(hand, other, "a party of the door sits", seated):
        hand.press(page.locator(f"#r{entry['id']} [data-verb=seat]"))
    assert evening.status(entry) == "seated"


def deaf(page: Page, view: str) -> None:
    """From now on the page hears of no other stand."""
    page.route("**/book/events**", lambda route: route.abort())
    page.reload()
    expect(page.locator("html[data-ready]")).to_be_attached()
    page.route(f"**{view}", lambda route: route.abort())


def test_a_stale_drag_is_refused_with_what_changed(evening: Evening) -> None:
    made = evening.book("Lovelace", quarters=3, size=5)
    hand = Hand(evening.stand("/timeline"), "mouse")
    deaf(hand.page, "/timeline")
    bar = hand.page.locator(".tl-bar")
    box = bar.bounding_box()
    assert box is not None
    answer = evening.stack.staff(
        "POST", f"/reservations/{made['id']}/assign", evening.token, tables=["3", "4"]
    )
    assert answer.status == 200, answer.body
    y = box["y"] + box["height"] / 2
    hand.drag((box["x"] + 20, y), (box["x"] + 20 + box["width"] / 4, y))
    expect(hand.page.locator("#toast")).to_contain_text("Lovelace was changed elsewhere")
    expect(hand.page.locator("#toast")).to_contain_text("table 3 + 4")
    assert facts(evening, made)["start"] == made["start"]


def test_a_stale_swap_is_refused_and_the_panel_shows_what_changed(evening: Evening) -> None:
    first, second = evening.book("Lovelace"), evening.book("Hopper")
    hand = Hand(evening.stand(), "mouse")
    deaf(hand.page, f"/stand/{evening.restaurant.slug}")
    panel = panel_of(hand, first)
    hand.unfold(panel.get_by_text("Swap with another party"))
    hand.choose(panel.get_by_label("Swap with"), second["id"])
    path = f"/reservations/{first['id']}/assign"
    assert evening.stack.staff("POST", path, evening.token, tables=["6"]).status == 200
    panel.get_by_role("button", name="Show what would happen").last.click()
    expect(hand.page.locator("#toast")).to_contain_text("table 6")
    expect(panel.locator(".lead .tables")).to_contain_text("6")
    assert facts(evening, second)["tables"] == second["tables"]


def test_a_stand_that_was_offline_catches_up_with_all(evening: Evening) -> None:
    first, second = evening.book("Lovelace"), evening.book("Hopper")
    page = evening.stand()
    expect(page.locator(f"#r{second['id']}")).to_be_visible()
    page.evaluate("() => { window.isSame = true; }")
    page.context.set_offline(True)
    expect(page.locator("#line")).to_be_visible()
    path = f"/reservations/{first['id']}/assign"
    assert evening.stack.staff("POST", path, evening.token, tables=["6"]).status == 200
    evening.move(second, "arrive")
    evening.send("/door", {"party_size": 2, "guest": {"name": "Germain"}})
    today = page.locator("#stand").get_attribute("data-today")
    evening.send("/book/stop", {"date": today, "shift": "dinner", "reason": "Full"})
    expect(section(page, "waitlist").get_by_text("Germain")).to_have_count(0)
    page.context.set_offline(False)
    expect(page.locator(f"#r{first['id']} .tables")).to_contain_text("6")
    expect(section(page, "here").get_by_text("Hopper")).to_be_visible()
    expect(section(page, "waitlist").get_by_text("Germain")).to_be_visible()
    expect(page.locator(".limit-said")).to_be_visible()
    expect(page.locator("#line")).to_be_hidden()
    assert page.evaluate("() => window.isSame")
