"""Book a table, change it and cancel it in a browser with JavaScript off."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from models.core import clock
from tests.e2e.browsers import PHONE, picture
from tests.services.running.stack import Stack


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A phone without JavaScript."""
    context = browser.new_context(java_script_enabled=False, viewport=PHONE)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


def soon() -> str:
    return (clock.now() + timedelta(days=5)).date().isoformat()


def book(page: Page, stack: Stack, slug: str, *, party: str = "2") -> None:
    """Search and choose a time, up to the details form."""
    page.goto(f"{stack.url}/book/{slug}")
    picture(page, "1-search")
    page.get_by_label("Party").select_option(party)
    page.get_by_label("Date").fill(soon())
    page.get_by_role("button", name="Show times").click()
    expect(page.get_by_role("heading", name="Choose a time")).to_be_visible()
    picture(page, "2-times")
    page.get_by_role("link", name=re.compile(r"^7:00\sPM$")).click()
    expect(page.get_by_role("heading", name="Your details")).to_be_visible()
    picture(page, "3-details")


@pytest.mark.both
def test_a_person_books_changes_and_cancels(page: Page, stack: Stack) -> None:
    slug = stack.open_restaurant().slug
    book(page, stack, slug)
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_label("E-mail").fill("not an address")
    page.get_by_role("button", name="Ask for this table").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("E-mail")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name")).to_have_value("Ada Lovelace")
    picture(page, "4-errors")

    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_label("Anything we should know?").fill("By the window, please.")
    page.get_by_role("button", name="Ask for this table").click()
    expect(page.get_by_role("heading", name="Your table is reserved")).to_be_visible()
    picture(page, "5-confirmed")

    page.get_by_role("link", name="Change time or party").click()
    picture(page, "6-change")
    # all in one form: the choices count, even if their times were not loaded
    page.get_by_label("Party").select_option("4")
    page.get_by_label("Where").select_option("terrace")
    page.get_by_role("radio", name=re.compile(r"^8:00\sPM")).check()
    page.get_by_role("button", name="Ask for this change").click()
    expect(page.get_by_text("4 people")).to_be_visible()
    expect(page.get_by_text(re.compile(r"at 8:00\sPM"))).to_be_visible()
    expect(page.get_by_text("terrace", exact=False)).to_be_visible()

    page.get_by_role("link", name="Correct your details").click()
    page.get_by_label("Name").fill("Ada King")
    picture(page, "7-edit")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Ada King")).to_be_visible()

    page.get_by_role("link", name="Cancel it").click()
    picture(page, "8-cancel")
    page.get_by_role("button", name="Yes, cancel it").click()
    expect(page.get_by_role("heading", name="This reservation is cancelled")).to_be_visible()
    picture(page, "9-cancelled")
    expect(page.get_by_role("link", name="Reserve another time")).to_be_visible()


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_twice_as_large_letters_stay_words(browser: Browser, stack: Stack, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, bypass_csp=True)
    page = context.new_page()
    book(page, stack, stack.open_restaurant().slug)
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_label("E-mail").fill("ada.lovelace@guests.example")
    page.get_by_role("button", name="Ask for this table").click()
    expect(page.get_by_role("heading", name="Your table is reserved")).to_be_visible()
    place = page.url
    for name in ("", "/change", "/details", "/cancel"):
        page.goto(place + name)
        page.add_style_tag(content="html { font-size: 200% }")
        picture(page, f"20-large-{width}{name.replace('/', '-')}")
        # no horizontal scrolling, and no column so narrow that words break letter by letter
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
        for fact in page.locator("dd").all():
            box, letters = fact.bounding_box(), fact.inner_text()
            assert box is not None
            assert box["width"] >= min(len(letters), 6) * 14, (name, letters)
    context.close()


def test_a_full_time_leads_to_another_time(page: Page, stack: Stack) -> None:
    restaurant = stack.open_restaurant(tables={"1": ("hall", 1, 2)})
    book(page, stack, restaurant.slug)
    taken = page.url.partition("&key=")[0]  # the key belongs to the first guest's form
    page.get_by_label("Name").fill("First")
    page.get_by_label("E-mail").fill("first@example.com")
    page.get_by_role("button", name="Ask for this table").click()
    expect(page.get_by_role("heading", name="Your table is reserved")).to_be_visible()

    page.goto(taken)
    page.get_by_label("Name").fill("Second")
    page.get_by_label("Mobile phone").fill("+44 20 7946 0958")
    page.get_by_label("Just tell me").check()
    page.get_by_role("button", name="Ask for this table").click()
    expect(page.get_by_role("heading", name="We have no table for you then")).to_be_visible()
    picture(page, "10-declined")
    page.get_by_role("region", name="Other times").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Your details")).to_be_visible()


def test_the_whole_way_goes_by_keyboard(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/book/{stack.open_restaurant().slug}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    reached = []
    for _step in range(3):
        page.keyboard.press("Tab")
        reached.append(page.locator(":focus").get_attribute("name"))
    assert [name for name in reached if name][:2] == ["party_size", "date"]


def test_the_docs_show_the_operations(browser: Browser, stack: Stack) -> None:
    context = browser.new_context()
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.goto(f"{stack.url}/docs")
    expect(page.get_by_text("/api/v1/restaurants/{slug}/availability")).to_be_visible()
    picture(page, "11-docs")
    context.close()
    assert problems == []


def test_wide_screens_use_their_room(browser: Browser, stack: Stack) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    page = context.new_page()
    day = soon()
    page.goto(f"{stack.url}/book/{stack.open_restaurant().slug}?party_size=2&date={day}")
    expect(page.get_by_role("heading", name="Choose a time")).to_be_visible()
    picture(page, "12-wide-dark")
    context.close()
