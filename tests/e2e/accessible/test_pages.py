"""Every page is accessible in the light and in the dark: WCAG 2.2 AA, as axe-core checks it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.accessible.reader import SIZES, SLOW, Reader, by_scheme
from tests.e2e.browsers import PHONE
from tests.e2e.stands import Evening
from tests.e2e.test_pages import book, soon
from tests.services.running.stack import Stack


@by_scheme
@SIZES
def test_the_views_of_the_stand(full_evening: Evening, scheme: str, size: dict[str, int]) -> None:
    page = full_evening.stand(viewport=size, color_scheme=scheme)
    reader, base = Reader(page, f"{scheme}-{size['width']}"), page.url.partition("?")[0]
    page.locator("#d-gone summary").click()
    reader.read("list")
    page.locator(".menu summary").click()
    reader.read("menu")
    for view in ("timeline", "floor"):
        page.goto(f"{base}/{view}")
        expect(page.locator("html[data-ready]")).to_be_attached()
        reader.read(view)
    reader.go(f"{base}/guests", "guests")
    reader.go(f"{base}/print", "day sheet")
    reader.go(f"{base}?date={soon()}", "empty day")
    page.context.set_offline(True)
    expect(page.locator("#line")).to_be_visible()
    reader.read("lost line")
    reader.finish()


@SLOW
@by_scheme
def test_the_panels_of_the_stand(full_evening: Evening, scheme: str) -> None:
    page = full_evening.stand(color_scheme=scheme)
    reader, panel = Reader(page, scheme), page.locator("#panel")
    for name in ("Hopper", "Curie", "Noether", "Late Lovelace", "Germain"):
        page.locator(".row .party").filter(has_text=name).click()
        expect(panel).to_be_visible()
        panel.evaluate(
            "(all) => all.querySelectorAll('details').forEach((one) => (one.open = true))"
        )
        reader.read(f"panel of {name}")
        page.keyboard.press("Escape")
    _walk_in(page, reader)
    _booking(page, reader)
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Keyboard").click()
    expect(panel.get_by_text("Undo the last step")).to_be_visible()
    expect(panel.get_by_role("heading")).to_have_text("Keyboard")
    reader.read("keys")
    reader.finish()


def _walk_in(page: Page, reader: Reader) -> None:
    page.get_by_role("button", name="Walk-in", exact=True).click()
    page.get_by_role("button", name="2", exact=True).wait_for()
    reader.read("walk-in: size")
    page.get_by_role("button", name="2", exact=True).click()
    page.locator("[data-walk-in]").first.wait_for()
    reader.read("walk-in: table")
    page.locator("[data-walk-in]").first.click()
    expect(page.locator("#toast")).to_be_visible()
    reader.read("toast")


def _booking(page: Page, reader: Reader) -> None:
    page.get_by_role("button", name="Book", exact=True).click()
    page.get_by_role("button", name="4", exact=True).click()
    page.locator(".time-choice").last.wait_for()
    reader.read("booking: time")
    page.locator(".time-choice:not(.none)").last.click()
    page.locator("#book-name").fill("Grace Hopper")
    page.locator("#book-phone").fill("12")
    reader.read("booking: guest")
    page.locator("form[data-booking] .main-button").click()
    expect(page.locator("#book-phone[aria-invalid=true]")).to_be_visible()
    reader.read("booking: refused")
    page.keyboard.press("Escape")


@SLOW
@by_scheme
def test_signing_in_at_the_stand(evening: Evening, browser: Browser, scheme: Any) -> None:
    context = browser.new_context(color_scheme=scheme, locale="en-GB")
    page = context.new_page()
    reader = Reader(page, scheme)
    reader.go(f"{evening.stack.url}/stand/{evening.restaurant.slug}/sign-in", "sign-in")
    page.get_by_label("E-mail").fill(evening.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    reader.read("wrong password")
    context.close()
    reader.finish()


@pytest.fixture
def guest(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A guest's phone, light or dark."""
    scheme = request.getfixturevalue("scheme")
    context = browser.new_context(color_scheme=scheme, viewport=PHONE)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


@SLOW
@by_scheme
def test_the_pages_of_a_guest_who_books(guest: Page, stack: Stack, scheme: str) -> None:
    reader, slug = Reader(guest, scheme), stack.open_restaurant().slug
    reader.go(f"{stack.url}/book/{slug}", "search")
    book(guest, stack, slug)
    reader.read("details")
    guest.get_by_label("Name").fill("Ada Lovelace")
    guest.get_by_label("E-mail").fill("not an address")
    guest.get_by_role("button", name="Ask for this table").click()
    expect(guest.get_by_role("alert")).to_be_visible()
    reader.read("errors")
    guest.get_by_label("E-mail").fill("ada@example.com")
    guest.get_by_role("button", name="Ask for this table").click()
    expect(guest.get_by_role("heading", name="Your table is reserved")).to_be_visible()
    reader.read("confirmed")
    place = guest.url
    for name in ("change", "details", "cancel"):
        reader.go(f"{place}/{name}", name)
    guest.get_by_role("button", name="Yes, cancel it").click()
    expect(guest.get_by_role("heading", name="This reservation is cancelled")).to_be_visible()
    reader.read("cancelled")
    reader.go(f"{stack.url}/book/{slug}?party_size=2&date={soon()}", "times")
    reader.finish()


@SLOW
@by_scheme
def test_the_pages_of_a_guest_who_gets_no_table(guest: Page, stack: Stack, scheme: str) -> None:
    reader = Reader(guest, scheme)
    restaurant = stack.open_restaurant(tables={"1": ("hall", 1, 2)})
    book(guest, stack, restaurant.slug)
    taken = guest.url.partition("&key=")[0]
    for name, answer in (("First", "Your table is reserved"), ("Second", "no table for you")):
        guest.goto(taken)
        guest.get_by_label("Name").fill(name)
        guest.get_by_label("E-mail").fill(f"{name.lower()}@example.com")
        if name == "Second":
            guest.get_by_label("Just tell me").check()
        guest.get_by_role("button", name="Ask for this table").click()
        expect(guest.get_by_role("heading", name=re.compile(answer))).to_be_visible()
    reader.read("declined")
    reader.go(f"{stack.url}/book/nowhere", "not found")
    for path in ("/", "/status"):
        reader.go(f"{stack.url}{path}", path)
    reader.finish()


@SLOW
@by_scheme
def test_a_request_that_waits(guest: Page, stack: Stack, scheme: str) -> None:
    reader, slug = Reader(guest, scheme), stack.open_restaurant().slug
    book(guest, stack, slug)
    for process in stack.deciders:
        process.pause()
    guest.get_by_label("Name").fill("Ada Lovelace")
    guest.get_by_label("E-mail").fill("ada@example.com")
    guest.get_by_role("button", name="Ask for this table").click()
    expect(guest.get_by_text("Look again")).to_be_visible()
    reader.read("waiting")
    for process in stack.deciders:
        process.resume()
    expect(guest.get_by_role("heading", name="Your table is reserved")).to_be_visible()
    reader.finish()


@SLOW
@by_scheme
def test_the_pages_at_the_door(guest: Page, evening: Evening, scheme: str) -> None:
    reader, stack = Reader(guest, scheme), evening.stack
    shut = stack.open_restaurant().slug
    reader.go(f"{stack.url}/door/{shut}", "no list")
    reader.go(f"{stack.url}/door/{evening.restaurant.slug}", "join")
    guest.get_by_role("button").click()
    expect(guest.get_by_role("alert")).to_be_visible()
    reader.read("errors")
    guest.get_by_label("Name").fill("Germain")
    guest.get_by_label("Mobile").fill("+49 30 1234567")
    guest.get_by_role("button").click()
    expect(guest.get_by_role("button", name=re.compile("leave", re.IGNORECASE))).to_be_visible()
    reader.read("place")
    entry = evening.get("/door")["entries"][0]
    evening.move(entry, "ready")
    guest.reload()
    reader.read("table ready")
    reader.finish()
