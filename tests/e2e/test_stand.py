"""The host stand in a browser: two stands at once, undo, stale acts, a lost line, the keyboard."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from models.core import clock
from models.core.database.transactions import transaction
from models.operations.accounts.accounts import create_account, grant_role, hash_password
from models.rules.permissions import Role
from tests.e2e.test_pages import CHROMIUM, SLOW_MACHINE, picture
from tests.services.missing import go_without
from tests.services.running.restaurant import OpenRestaurant, ShiftTimes
from tests.services.running.stack import PASSWORD, UNPACED, Stack

TABLET = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        go_without("Chromium")
    expect.set_options(timeout=SLOW_MACHINE)
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def zone_in_the_evening() -> str:
    """A zone in which it is about 19:00 now, so that an evening is in progress."""
    ahead = 19 - datetime.now(UTC).hour
    ahead -= 24 if ahead > 14 else 0
    return f"Etc/GMT{-ahead:+d}"


class Evening:
    """A restaurant in the middle of its evening, and its stands."""

    def __init__(self, browser: Browser, stack: Stack) -> None:
        self.browser, self.stack = browser, stack
        shift = ShiftTimes(first=time(16), last=time(22), ends=time(23, 45))
        self.restaurant: OpenRestaurant = stack.open_restaurant(
            zone=zone_in_the_evening(), shifts={"dinner": shift}, policies=UNPACED
        )
        self.email = f"{uuid.uuid4().hex}@example.com"
        with transaction(stack.engine) as session:
            number = create_account(
                session,
                self.email,
                name="Anna",
                password_hash=hash_password(PASSWORD),
                now=clock.now(),
            )
            grant_role(session, number, restaurant_id=self.restaurant.id, role=Role.MANAGER)
        body = {"email": self.email, "password": PASSWORD}
        signed_in = stack._send("POST", "/api/v1/auth/sign-in", json=body)
        self.token = str(signed_in.body["access_token"])
        self.contexts: list[BrowserContext] = []

    def book(self, name: str, *, quarters: int = 1, size: int = 2, **more: Any) -> dict[str, Any]:
        """Book a table that many quarters from now."""
        quarter = int(clock.now().timestamp()) // 900 + quarters
        start = datetime.fromtimestamp(quarter * 900, UTC).isoformat()
        body = {"party_size": size, "start": start, "guest": {"name": name}, "notify": False}
        answer = self.stack._send(
            "POST",
            f"/api/v1/restaurants/{self.restaurant.slug}/book/reservations",
            json=body | more,
            headers={"Authorization": f"Bearer {self.token}", "Idempotency-Key": uuid.uuid4().hex},
        )
        assert answer.status == 201, answer.body
        return answer.body

    def move(self, made: dict[str, Any], verb: str) -> None:
        path = f"/reservations/{made['id']}/{verb}"
        assert self.stack.staff("POST", path, self.token).status == 200

    def status(self, made: dict[str, Any]) -> str:
        return self.stack.statuses([int(made["id"])])[int(made["id"])]

    def stand(self, view: str = "", **context: Any) -> Page:
        """Open one more browser and sign in."""
        context = {"viewport": TABLET, "locale": "en-GB"} | context
        opened = self.browser.new_context(**context)
        self.contexts.append(opened)
        page = opened.new_page()
        page.goto(f"{self.stack.url}/stand/{self.restaurant.slug}{view}")
        page.get_by_label("E-mail").fill(self.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("html[data-ready]")).to_be_attached()
        return page


@pytest.fixture
def evening(browser: Browser, stack: Stack) -> Iterator[Evening]:
    opened = Evening(browser, stack)
    yield opened
    for context in opened.contexts:
        context.close()


def section(page: Page, name: str) -> Any:
    return page.locator(f".section-{name}")


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
    for verb, state in (("Arrived", "arrived"), ("Seat", "seated"), ("Left", "finished")):
        before = evening.status(made)
        page.get_by_role("button", name=re.compile(f"^{verb}: Lovelace")).click()
        undo = page.locator("#toast").get_by_role("button", name="Undo")
        expect(undo).to_be_visible()
        assert evening.status(made) == state
        undo.click()
        expect(page.locator("#toast")).to_contain_text("undone")
        assert evening.status(made) == before
        page.get_by_role("button", name=re.compile(f"^{verb}: Lovelace")).click()
        expect(undo).to_be_visible()


def test_an_act_on_an_old_page_is_refused_with_what_changed(evening: Evening) -> None:
    made = evening.book("Lovelace")
    page = evening.stand()
    # the page hears nothing of the other stand
    page.route("**/book/events**", lambda route: route.abort())
    page.reload()
    expect(page.locator("html[data-ready]")).to_be_attached()
    button = page.get_by_role("button", name=re.compile("^Arrived: Lovelace"))
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
