"""Every verb of the stand from its panel, in a browser: done, undone, refused with who is there."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessible.axe import faults
from tests.e2e.browsers import PHONE, TABLET, picture
from tests.e2e.stands import Evening


def opened(page: Page, made: dict[str, Any]) -> Any:
    """Open the party's panel."""
    page.locator(f"#r{made['id']} .party").click()
    panel = page.locator("#panel[open]")
    expect(panel.locator(".party-facts")).to_be_visible()
    return panel


def now(evening: Evening, made: dict[str, Any]) -> dict[str, Any]:
    answer = evening.stack.staff("GET", f"/reservations/{made['id']}", evening.token)
    assert answer.status == 200
    return answer.body


def tables(evening: Evening, made: dict[str, Any]) -> list[str]:
    return list(now(evening, made)["tables"])


def test_a_party_is_locked_and_unlocked_from_the_toast(evening: Evening) -> None:
    made = evening.book("Lovelace")
    page = evening.stand()
    opened(page, made).get_by_role("button", name="Lock the table").click()
    expect(page.locator(f"#r{made['id']} .lock")).to_be_visible()
    assert now(evening, made)["tables_locked"]
    page.locator("#toast").get_by_role("button", name="Undo").click()
    expect(page.locator(f"#r{made['id']} .lock")).to_have_count(0)


def test_a_party_comes_late_and_then_in_part(evening: Evening) -> None:
    made = evening.book("Lovelace", quarters=0, size=4)
    page = evening.stand(viewport=PHONE, has_touch=True)
    row = page.locator(f"#r{made['id']}")
    opened(page, made).locator("[data-verb=late]").nth(1).tap()
    expect(row).to_contain_text("expected")
    assert now(evening, made)["expected_at"]
    opened(page, made).locator("[data-verb=arrive]").get_by_text("3", exact=True).tap()
    expect(row).to_contain_text("3 of 4 here")
    assert now(evening, made)["arrived_covers"] == 3
    opened(page, made).get_by_role("button", name="All", exact=True).tap()
    expect(row).not_to_contain_text("3 of 4 here")


def test_two_parties_swap_their_tables(evening: Evening) -> None:
    first, second = evening.book("Lovelace"), evening.book("Hopper")
    before = tables(evening, first), tables(evening, second)
    page = evening.stand()
    panel = opened(page, first)
    panel.get_by_text("Swap with another party").click()
    panel.get_by_label("Swap with").select_option(second["id"])
    panel.get_by_role("button", name="Show what would happen").click()
    expect(page.locator(f"#r{first['id']} .tables")).to_have_text(re.compile(before[1][0]))
    assert (tables(evening, second), tables(evening, first)) == before


def test_a_longer_stay_is_shown_first_and_undone(evening: Evening) -> None:
    made = evening.book("Lovelace", quarters=0)
    page = evening.stand()
    opened(page, made).get_by_role("button", name="+30 min").click()
    shown = page.locator("[data-proposal]")
    expect(shown).to_contain_text("New end")
    assert now(evening, made)["end"] == made["end"]
    shown.get_by_role("button", name="Do it").click()
    expect(page.locator("#toast")).to_contain_text("new end")
    assert now(evening, made)["end"] > made["end"]
    with page.expect_response(re.compile("/extend$")):
        page.locator("#toast").get_by_role("button", name="Undo").click()
    assert now(evening, made)["end"] == made["end"]


def test_a_party_in_the_way_is_named_and_squeezing_in_takes_a_reason(evening: Evening) -> None:
    sits = evening.book("Hopper", quarters=0, tables=["6"])
    evening.move(sits, "arrive")
    evening.move(sits, "seat")
    made = evening.book("Lovelace", quarters=0, size=3)
    page = evening.stand()
    panel = opened(page, made)
    panel.get_by_text("Choose tables", exact=True).click()
    tick(panel, "6")
    expect(panel.locator("[data-proposal]")).to_contain_text("In the way: Hopper")
    expect(panel.locator("[data-proposal]")).to_contain_text("is seated")
    tick(panel, "1")  # for two
    shown = panel.locator("[data-proposal]")
    shown.get_by_label("Squeeze in").check()
    shown.get_by_label("Reason").fill("a child on the lap")
    shown.get_by_role("button", name="Do it").click()
    expect(page.locator(f"#r{made['id']} .tables")).to_contain_text("1")
    assert tables(evening, made) == ["1"]
    panel = opened(page, made)
    panel.get_by_role("button", name="Who did what?").click()
    expect(page.locator(".steps")).to_contain_text("a child on the lap")
    expect(page.locator(".steps")).to_contain_text("Anna")


def test_a_refusal_is_read_in_the_language_of_the_stand(evening: Evening) -> None:
    made, gone = evening.book("Lovelace"), evening.book("Turing", tables=["6"])
    evening.move(gone, "cancel")
    evening.book("Hopper", tables=["6"])
    page = evening.stand()
    page.locator(".menu summary").click()
    page.locator("[name=language][value=de]").click()
    expect(page.locator("html[lang=de][data-ready]")).to_be_attached()
    toast = page.locator("#toast")
    panel = opened(page, made)
    panel.locator("details:has([data-change]) > summary").click()
    panel.locator("[name=size]").fill("1000")
    panel.locator("[data-change] .main-button").click()
    wrong = panel.locator("[data-change] [data-wrong]")
    expect(wrong).to_have_text("Nicht ausgeführt: Personen: von 1 bis 999")
    picture(page, "36-refused-in-german")
    page.keyboard.press("Escape")
    page.locator("#d-gone summary").click()
    opened(page, gone).locator("[data-verb=take-back]").click()
    expect(toast).to_have_text("Nicht ausgeführt: 6 hat eine andere Gruppe: Hopper")
    picture(page, "37-refused-in-german")


def tick(panel: Any, label: str) -> None:
    """Ask for this table alone, by hand."""
    for box in panel.locator(".by-hand [name=tables]").all():
        box.set_checked(box.get_attribute("value") == label)
    panel.get_by_role("button", name="Give these tables").click()


def test_tables_are_blocked_and_lifted_by_keyboard(evening: Evening) -> None:
    page = evening.stand()
    page.keyboard.press("Alt+e")
    page.locator("#e-blocks summary").click()
    form = page.locator("form[data-block]")
    form.locator("[name=tables][value='6']").check()
    form.get_by_label("Reason").fill("Rain")
    form.get_by_role("button", name="Show what would happen").click()
    expect(form.locator("[data-result]")).to_contain_text("Nobody is concerned")
    form.get_by_role("button", name="Block").click()
    lift = page.get_by_role("button", name="Lift")
    expect(lift).to_be_visible()
    lift.press("Enter")
    expect(page.locator("#toast")).to_contain_text("lifted")
    expect(page.get_by_role("button", name="Lift")).to_have_count(0)


def test_closing_shows_whom_it_hurts_and_is_refused_on_an_old_book(evening: Evening) -> None:
    made = evening.book("Lovelace", quarters=4)
    page = evening.stand()
    page.keyboard.press("Alt+e")
    page.locator("#e-close summary").click()
    form = page.locator("form[data-close-book]")
    form.get_by_label("Reason").fill("Burst pipe")
    form.get_by_role("button", name="Show what would happen").click()
    expect(form.locator("[data-result]")).to_contain_text("Lovelace, 2 · is cancelled")
    assert evening.status(made) == "confirmed"
    evening.book("Hopper", quarters=5)  # another stand was faster
    form.get_by_role("button", name="Close now").click()
    expect(form.get_by_role("alert")).to_contain_text("The book has changed")
    assert evening.status(made) == "confirmed"
    expect(form.get_by_role("button", name="Close now")).to_be_hidden()
    evening.stack.wait_quiet()
    form.get_by_role("button", name="Show what would happen").click()
    expect(form.locator("[data-result]")).to_contain_text("Hopper")
    form.get_by_role("button", name="Close now").click()
    expect(page.locator("#toast")).to_contain_text("Closed")
    assert evening.status(made) == "cancelled"
    if page.locator("#e-online[open]").count() == 0:
        page.locator("#e-online summary").click()
    page.get_by_role("button", name="Reopen").click()
    expect(page.locator("#toast")).to_contain_text("Reopened")


def test_several_are_cancelled_as_one_act(evening: Evening) -> None:
    made = [evening.book(name, quarters=4) for name in ("Lovelace", "Hopper")]
    kept = evening.book("Turing", quarters=4)
    page = evening.stand(viewport=TABLET)
    page.keyboard.press("Alt+e")
    page.locator("#e-cancel summary").click()
    form = page.locator("form[data-cancel-many]")
    for each in made:
        form.locator(f"[value='{each['id']}']").check()
    form.get_by_role("button", name="Show what would happen").click()
    expect(form.locator("[data-result] li")).to_have_count(2)
    form.get_by_role("button", name="Cancel these").click()
    expect(page.locator("#toast")).to_contain_text("2 cancelled")
    assert [evening.status(each) for each in (*made, kept)] == ["cancelled"] * 2 + ["confirmed"]


@pytest.mark.slow
@pytest.mark.parametrize("size", [TABLET, PHONE], ids=["tablet", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_panels_are_accessible_with_all_their_parts_open(
    evening: Evening, scheme: str, size: dict[str, int]
) -> None:
    details = {"allergies": "Nuts", "occasion": "Birthday", "vip": True, "tags": ["regular"]}
    made = evening.book("Lovelace", quarters=0, size=4, details=details, note="A window")
    evening.book("Hopper")
    evening.send("/blocks", {"tables": ["6"], "reason": "Broken leg"})
    page = evening.stand(viewport=size, color_scheme=scheme)
    opened(page, made)
    found = all_open(page, f"party-{scheme}-{size['width']}")
    page.get_by_role("button", name="Who did what?").click()
    expect(page.locator(".steps")).to_be_visible()
    found += faults(page, "history")
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+e")
    expect(page.locator("#panel[open] .evening")).to_be_visible()
    found += all_open(page, f"evening-{scheme}-{size['width']}")
    assert not found, "\n".join(found)


def all_open(page: Page, name: str) -> list[str]:
    page.evaluate("document.querySelectorAll('#panel details').forEach(each => each.open = true)")
    picture(page, f"35-{name}")
    panel = page.locator("#panel")
    assert panel.evaluate("each => each.scrollWidth <= each.clientWidth"), name
    return faults(page, name)
