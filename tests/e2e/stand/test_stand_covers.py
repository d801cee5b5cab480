"""The stand of a restaurant that counts covers, in a browser: a list, and no tables."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.accessible.axe import faults
from tests.e2e.browsers import PHONE, picture
from tests.e2e.stands import Evening, section
from tests.services.running.stack import Stack


@pytest.fixture
def counted(browser: Browser, stack: Stack) -> Iterator[Evening]:
    opened = Evening(browser, stack, covers=24)
    yield opened
    for context in opened.contexts:
        context.close()


def test_a_host_runs_the_evening_by_covers(counted: Evening) -> None:
    sits = counted.book("Lovelace", quarters=0, size=6)
    counted.move(sits, "seat")
    counted.move(counted.book("Hopper", quarters=0, size=4), "arrive")
    counted.book("Noether", quarters=2, size=5)
    page = counted.stand()
    expect(page.locator(".present")).to_have_text("10 of 24 covers in the restaurant now")
    expect(page.locator(".views a")).to_have_count(1)
    page.keyboard.press("2")  # there is no timeline to go to
    page.get_by_role("button", name=re.compile("^Seat: Hopper")).click()
    expect(section(page, "seated").get_by_text("Hopper")).to_be_visible()
    picture(page, "covers-list")

    page.get_by_role("button", name="Walk-in").first.click()
    page.get_by_role("button", name="3", exact=True).click()
    expect(page.get_by_text("9 of 24 covers are free for the whole turn.")).to_be_visible()
    picture(page, "covers-walk-in")
    page.locator("#panel").get_by_role("button", name="Seat", exact=True).click()
    expect(section(page, "seated").locator(".number")).to_have_text("3")
    expect(page.locator(".present")).to_have_text("13 of 24 covers in the restaurant now")

    page.get_by_role("button", name=re.compile("6 Lovelace")).first.click()
    expect(page.locator("#panel [data-propose]").first).to_be_visible()
    expect(page.locator("#panel [data-assign]")).to_have_count(0)
    picture(page, "covers-party")
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Book", exact=True).click()
    page.get_by_role("button", name="4", exact=True).click()
    expect(page.locator(".time-choice").first).to_be_visible()
    picture(page, "covers-booking")
    assert faults(page, "covers") == []


def test_a_phone_shows_it_too(counted: Evening) -> None:
    counted.move(counted.book("Lovelace", quarters=0, size=24), "seat")
    page = counted.stand(viewport=PHONE, color_scheme="dark")
    expect(page.locator(".present.full")).to_be_visible()
    picture(page, "covers-phone")
    assert faults(page, "covers") == []
