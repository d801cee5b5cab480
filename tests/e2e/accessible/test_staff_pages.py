"""The staff's other pages are accessible in the light and in the dark.

The second factor, the operators' page, a guest's record, a party's history, the QR code, the day
sheet, and each part of the evening's panel.
"""

from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.accessible.reader import SIZES, SLOW, Reader, by_scheme
from tests.e2e.stands import Evening
from tests.services.running.process import wait_until
from tests.services.running.stack import PASSWORD, Stack

pytestmark = SLOW
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+49 30 5551234"}
Opens = Callable[..., Page]


@pytest.fixture
def opens(browser: Browser, scheme: str, size: dict[str, int], evening: Evening) -> Opens:
    """Open a browser of this size and colour that is not signed in."""

    def opened(**context: Any) -> Page:
        context |= {"color_scheme": scheme, "viewport": size, "locale": "en-GB"}
        made = browser.new_context(**context)
        evening.contexts.append(made)
        return made.new_page()

    return opened


def _factor(evening: Evening) -> None:
    """Give the manager's account a second factor."""
    body = {"email": evening.email, "password": PASSWORD}
    begun = evening.stack._send("POST", "/api/v1/auth/second-factor", json=body).body
    code = pyotp.TOTP(begun["secret"]).now()
    done = evening.stack._send(
        "POST", "/api/v1/auth/second-factor/confirm", json=body | {"code": code}
    )
    assert done.status == 200, done.body


@by_scheme
@SIZES
def test_the_second_factor(evening: Evening, opens: Opens, scheme: str) -> None:
    _factor(evening)
    page = opens()
    reader = Reader(page, f"{scheme}-{_width(page)}")
    page.goto(f"{evening.stack.url}/stand/{evening.restaurant.slug}/sign-in")
    page.get_by_label("E-mail").fill(evening.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    code = page.get_by_label("Code")
    expect(code).to_be_focused()
    reader.read("second factor")
    code.fill("000000")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("Code")).to_have_attribute("aria-invalid", "true")
    reader.read("second factor refused")
    reader.finish()


@by_scheme
@SIZES
def test_the_page_of_the_operators(stack: Stack, opens: Opens, scheme: str) -> None:
    page = opens(http_credentials={"username": "operator", "password": "only-for-tests"})
    page.goto(f"{stack.url}/status/operators")
    expect(page.get_by_role("heading", name="Scheduled jobs")).to_be_visible()
    reader = Reader(page, f"{scheme}-{_width(page)}")
    reader.read("operators")
    reader.finish()


def _filed(evening: Evening, made: dict[str, Any]) -> str:
    """Wait until the guest of this reservation has a record; return its id."""
    path = f"/reservations/{made['id']}/guest"
    found: list[str] = []

    def is_filed() -> bool:
        answer = evening.stack.staff("GET", path, evening.token)
        found[:] = [answer.body["id"]] if answer.status == 200 else []
        return bool(found)

    wait_until(is_filed, seconds=60, what="a record of the guest")
    return found[0]


@by_scheme
@SIZES
def test_a_record_and_a_history(
    evening: Evening, scheme: str, size: dict[str, int], opens: Opens
) -> None:
    made = evening.book("Ada Lovelace", guest=ADA, note="By the window")
    number = _filed(evening, made)
    for verb in ("lock", "arrive", "seat", "take-back", "seat"):
        evening.move(made, verb)
    _write_record(evening, number)
    page = evening.stand("/guests", viewport=size, color_scheme=scheme)
    reader = Reader(page, f"{scheme}-{_width(page)}")
    page.get_by_role("searchbox").fill("love")
    page.get_by_role("button", name="Ada Lovelace").click()
    panel = page.locator("#panel[open]")
    expect(panel.get_by_text("A regular")).to_be_visible()
    _unfold(page)
    reader.read("record")
    base = page.url.partition("/guests")[0]
    reader.go(f"{base}/guests/{number}", "record alone")
    page.goto(base)
    page.locator(f"#r{made['id']} .party").click()
    page.get_by_role("button", name="Who did what?").click()
    expect(page.locator(".steps")).to_be_visible()
    reader.read("history")
    reader.go(f"{base}/print", "day sheet")
    reader.finish()


def _write_record(evening: Evening, number: str) -> None:
    """A note, facts of the guest, and a block."""
    place = f"/restaurants/{evening.restaurant.slug}/guests/{number}"
    for method, path, body in (
        ("POST", "/notes", {"text": "A regular"}),
        ("PATCH", "", {"allergies": "Nuts, sesame", "tags": ["regular", "press"], "vip": True}),
        ("POST", "/block", {"reason": "Did not pay, twice"}),
    ):
        answer = evening.stack.staff(method, place + path, evening.token, **body)
        assert answer.status == 200, answer.body


def _unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('#panel details').forEach(each => each.open = true)")


def _width(page: Page) -> int:
    assert page.viewport_size is not None
    return page.viewport_size["width"]


@by_scheme
@SIZES
def test_the_qr_code(evening: Evening, scheme: str, size: dict[str, int]) -> None:
    page = evening.stand(viewport=size, color_scheme=scheme)
    page.locator(".menu summary").click()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="QR code for the door").click()
    code = opened.value
    expect(code.get_by_role("img")).to_be_visible()
    assert code.locator(".qr").evaluate("(all) => all.complete && all.naturalWidth > 0")
    reader = Reader(code, f"{scheme}-{_width(page)}")
    reader.read("QR code")
    reader.finish()


@by_scheme
@SIZES
def test_each_part_of_the_evening(full_evening: Evening, scheme: str, size: dict[str, int]) -> None:
    page = full_evening.stand(viewport=size, color_scheme=scheme)
    today = page.locator("#stand").get_attribute("data-today")
    full_evening.send("/book/stop", {"date": today, "shift": "dinner", "reason": "Full"})
    expect(page.locator(".limit-said")).to_be_visible()
    reader = Reader(page, f"{scheme}-{size['width']}")
    page.keyboard.press("Alt+e")
    expect(page.locator("#panel[open] .evening")).to_be_visible()
    parts = page.locator("#panel .evening > details")
    for part in parts.all():
        page.evaluate("document.querySelectorAll('#panel details').forEach(e => e.open = false)")
        part.locator("summary").click()
        name = str(part.get_attribute("id"))
        reader.read(name)
        if part.locator("[data-preview]").count():
            _fill(part)
            part.locator("[data-preview]").click()
            expect(part.locator("[data-result]")).to_be_visible()
            reader.read(f"{name} shown first")
    assert parts.count() == 7
    reader.finish()


def _fill(part: Any) -> None:
    """Fill what the form needs before it shows what would happen."""
    for reason in part.locator("[name=reason]").all():
        reason.fill("Rain")
    if part.locator("[name=servers]").count():
        part.locator("[name=servers]").fill("Ana, Ben")
    if part.locator("select[name=area]").count():
        part.locator("select[name=area]").select_option(index=1)
    for box in part.locator("[name=tables], [name=reservations]").all()[:2]:
        box.check()


def test_a_sheet_is_dark_on_white_on_paper(evening: Evening) -> None:
    page = evening.stand()
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    for sheet in ("print", "door-notice"):
        page.goto(f"{evening.stack.url}/stand/{evening.restaurant.slug}/{sheet}")
        page.emulate_media(media="print")
        ink = page.locator("h1").evaluate("(each) => getComputedStyle(each).color")
        assert ink == "rgb(0, 0, 0)", sheet
