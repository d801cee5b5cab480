"""A restaurant in the middle of its evening, and browsers that show its stand."""

import uuid
from datetime import UTC, datetime, time
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect

from models.core import clock
from models.core.database.transactions import transaction
from models.operations.accounts.accounts import create_account, grant_role, hash_password
from models.rules.permissions import Role
from tests.e2e.browsers import TABLET
from tests.services.running.restaurant import OpenRestaurant, ShiftTimes, zone_in_the_evening
from tests.services.running.stack import PASSWORD, UNPACED, Stack


class Evening:
    """A restaurant in the middle of its evening, and its stands."""

    def __init__(self, browser: Browser, stack: Stack, **restaurant: Any) -> None:
        self.browser, self.stack = browser, stack
        shift = ShiftTimes(first=time(16), last=time(22), ends=time(23, 45))
        self.restaurant: OpenRestaurant = stack.open_restaurant(
            zone=zone_in_the_evening(),
            shifts={"dinner": shift},
            policies=UNPACED | {"door_online": True},
            **restaurant,
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
        return self.send("/book/reservations", body | more)

    def send(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST as the manager; `path` is below the restaurant's."""
        key = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": uuid.uuid4().hex}
        answer = self.stack._send("POST", f"{self._path}{path}", json=body, headers=key)
        assert answer.status < 300, answer.body
        return answer.body

    def get(self, path: str) -> dict[str, Any]:
        """GET as the manager; `path` is below the restaurant's."""
        return self.stack.staff(
            "GET", f"/restaurants/{self.restaurant.slug}{path}", self.token
        ).body

    @property
    def _path(self) -> str:
        return f"/api/v1/restaurants/{self.restaurant.slug}"

    def move(self, made: dict[str, Any], verb: str) -> None:
        path = f"/reservations/{made['id']}/{verb}"
        answer = self.stack.staff("POST", path, self.token)
        assert answer.status == 200, answer.body

    def status(self, made: dict[str, Any]) -> str:
        return self.stack.statuses([int(made["id"])])[int(made["id"])]

    def stand(self, view: str = "", **context: Any) -> Page:
        """Open one more browser and sign in."""
        context = {"viewport": TABLET, "locale": "en-GB"} | context
        opened = self.browser.new_context(**context)
        self.contexts.append(opened)
        page = opened.new_page()
        page.goto(f"{self.stack.url}/stand/{self.restaurant.slug}{view}")
        page.locator("#email").fill(self.email)  # in any language
        page.locator("#password").fill(PASSWORD)
        page.locator(".main-button").click()
        expect(page.locator("html[data-ready]")).to_be_attached()
        return page


def section(page: Page, name: str) -> Any:
    return page.locator(f".section-{name}")
