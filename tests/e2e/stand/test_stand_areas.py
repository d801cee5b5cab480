"""Rain on the terrace, in a browser: the area is closed from the evening's panel, and opened."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessible.axe import faults
from tests.e2e.browsers import PHONE, picture
from tests.e2e.stands import Evening

TABLET = {"width": 1024, "height": 768}


def closing(page: Page) -> Any:
    """Unfold the form in the evening's panel, by the keyboard."""
    page.keyboard.press("Alt+e")
    page.locator("#e-area > summary").press("Enter")
    return page.locator("form[data-close-area]")


def outside(evening: Evening, name: str = "Lovelace") -> dict[str, Any]:
    """A party that has the only table of the terrace."""
    return evening.book(name, quarters=4, area="terrace")


def tables(evening: Evening, made: dict[str, Any]) -> list[str]:
    path = f"/reservations/{made['id']}"
    return list(evening.stack.staff("GET", path, evening.token).body["tables"])


def test_an_area_is_closed_once_it_is_seen_who_moves_and_opened_again(evening: Evening) -> None:
    made = outside(evening)
    assert made["tables"] == ["6"]
    page = evening.stand(viewport=TABLET)
    form = closing(page)
    form.get_by_label("Area").select_option(label="Terrace")
    form.get_by_label("Reason").fill("Rain")
    expect(form.get_by_role("button", name="Close the area")).to_be_hidden()
    form.get_by_role("button", name="Show what would happen").click()
    expect(form.locator("[data-result]")).to_contain_text("Lovelace, 2 · →")
    assert tables(evening, made) == ["6"]
    form.get_by_role("button", name="Close the area").click()
    expect(page.locator("#limits")).to_contain_text("Terrace: blocked")
    assert tables(evening, made) != ["6"]
    (block,) = evening.get(f"/blocks?date={page.locator('#stand').get_attribute('data-day')}")[
        "blocks"
    ]
    assert (block["tables"], block["reason"]) == (["6"], "Rain")
    listed = page.locator("#e-blocks")
    expect(listed).to_contain_text("Terrace")
    listed.get_by_role("button", name="Lift").click()
    expect(page.locator("#limits")).to_have_count(0)


def test_it_may_last_for_days_and_a_wrong_end_is_said_at_its_field(evening: Evening) -> None:
    page = evening.stand(viewport=PHONE, has_touch=True)
    page.locator(".menu > summary").tap()
    page.locator("[data-open=evening]").first.tap()
    page.locator("#e-area > summary").tap()
    form = page.locator("form[data-close-area]")
    day = datetime.fromisoformat(f"{page.locator('#stand').get_attribute('data-day')}T18:00")
    form.get_by_label("Area").select_option(label="Terrace")
    form.get_by_label("Reason").fill("A storm")
    form.get_by_label("From").fill((day + timedelta(days=1)).isoformat()[:16])
    until = form.get_by_label("Until")
    until.fill((day - timedelta(days=3)).isoformat()[:16])
    form.get_by_role("button", name="Show what would happen").tap()
    expect(until).to_have_attribute("aria-invalid", "true")
    expect(form.locator("#wrong-until")).to_be_visible()
    until.fill((day + timedelta(days=3)).isoformat()[:16])
    form.get_by_role("button", name="Show what would happen").tap()
    expect(form.locator("#wrong-until")).to_have_count(0)
    expect(form.locator("[data-result]")).to_contain_text("Nobody is concerned.")
    form.get_by_role("button", name="Close the area").tap()
    expect(page.locator("#toast")).to_contain_text("The tables are blocked")
    second = (day + timedelta(days=2)).date().isoformat()
    (block,) = evening.get(f"/blocks?date={second}")["blocks"]
    assert block["tables"] == ["6"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("tablet", {"viewport": TABLET, "color_scheme": "light"}),
        ("phone", {"viewport": PHONE, "has_touch": True, "color_scheme": "dark"}),
        ("german", {"viewport": PHONE}),
    ],
)
def test_closing_an_area_is_accessible(
    evening: Evening, name: str, context: dict[str, Any]
) -> None:
    outside(evening)
    evening.send("/blocks", {"tables": ["1"], "reason": "A broken leg"})
    page = evening.stand(**context)
    if name == "german":
        page.locator(".menu > summary").click()
        page.get_by_role("button", name="Deutsch").click()
        expect(page.locator("html[lang=de][data-ready]")).to_be_attached()
    form = closing(page)
    form.locator("[name=area]").select_option(label="Terrace")
    form.locator("[name=reason]").fill("Rain")
    form.locator("[data-preview]").click()
    expect(form.locator("[data-result]")).to_contain_text("Lovelace")
    found = faults(page, "area")
    picture(page, f"area-{name}")
    form.locator("[data-real]").click()
    expect(page.locator("#limits")).to_contain_text("Terrace")
    expect(page.locator("#e-blocks")).to_contain_text("Terrace")
    page.evaluate("document.getElementById('panel').scrollTop = 0")
    found += faults(page, "blocks")
    picture(page, f"area-{name}-blocks")
    page.keyboard.press("Escape")
    found += faults(page, "list")
    picture(page, f"area-{name}-list")
    assert found == []
