"""The host of the demo's evening: signs in, acts through the API, and says what happened."""

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

import httpx
from rich.console import Console
from sqlalchemy.orm import Session

from deploy.cli.errors import Refused
from models.core import clock
from models.core.database.transactions import unit
from models.operations.accounts.accounts import create_account, grant_role, hash_password
from models.operations.accounts.memberships import close_account
from models.rules.permissions import Role
from models.rules.restaurant.restaurant import RestaurantSpec

_API: Final = "/api/v1"
Party = dict[str, Any]


@dataclass(slots=True)
class Host:
    """A manager at the stand. Every act is one call of the API."""

    client: httpx.Client
    restaurant: RestaurantSpec
    console: Console
    #: the account's id, in the history as the one who acted
    account_id: int
    acts: int = 0
    #: refusals that the evening did not expect
    refused: list[str] = field(default_factory=list)

    @property
    def today(self) -> date:
        """The date at the restaurant."""
        return clock.now().astimezone(self.restaurant.tz).date()

    def say(self, text: str) -> None:
        """Print a sentence with the time at the restaurant."""
        now = clock.now().astimezone(self.restaurant.tz)
        self.console.print(f"{now:%H:%M}  {text}", highlight=False, soft_wrap=True)

    def verb(self, name: str, party: Party, **body: Any) -> Party:
        """Act on one party; return it as it is now, or as it was when the act was refused."""
        answer = self._send("POST", f"/reservations/{party['id']}/{name}", body)
        return answer if answer is not None else party

    def here(self, path: str, **body: Any) -> dict[str, Any]:
        """POST below the restaurant's path; return the answer, empty when it was refused."""
        return self._send("POST", f"/restaurants/{self.restaurant.slug}{path}", body) or {}

    def tries(self, path: str, **body: Any) -> dict[str, Any] | None:
        """POST below the restaurant's path; None when it was refused, which may be."""
        known = len(self.refused)
        answer = self._send("POST", f"/restaurants/{self.restaurant.slug}{path}", body)
        del self.refused[known:]
        return answer

    def read(self, path: str) -> dict[str, Any]:
        """GET below the restaurant's path, of today."""
        day = {"date": self.today.isoformat()}
        path = f"{_API}/restaurants/{self.restaurant.slug}{path}"
        return dict(self.client.get(path, params=day).raise_for_status().json())

    def book(self) -> list[Party]:
        """Return today's reservations."""
        return list(self.read("/book")["reservations"])

    def _send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        answer = self.client.request(method, f"{_API}{path}", json=body, headers=headers)
        if answer.is_success:
            self.acts += 1
            return dict(answer.json())
        self.refused.append(f"{path}: {answer.status_code} {answer.json().get('detail', '')}")
        return None


def sign_in(base: str, restaurant: RestaurantSpec, console: Console) -> tuple[Host, str]:
    """Create an account for this evening and sign in; return the host and the account's address.

    Raises Refused where accounts need a second factor.
    """
    email, password = f"host-{secrets.token_hex(4)}@demo.example", secrets.token_urlsafe(24)
    hashed, now = hash_password(password), clock.now()

    def work(session: Session) -> int:
        account = create_account(session, email, name="The demo", password_hash=hashed, now=now)
        grant_role(session, account, restaurant_id=restaurant.id, role=Role.MANAGER)
        return account

    account_id = unit(work)
    client = httpx.Client(base_url=base, timeout=30)
    answer = client.post(f"{_API}/auth/sign-in", json={"email": email, "password": password})
    if not answer.is_success:
        sign_out(email)
        raise Refused(f"the demo's host cannot sign in: {answer.json().get('detail', '')}")
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return Host(client, restaurant, console, account_id), email


def sign_out(email: str) -> None:
    """Close the account of this evening."""
    unit(lambda session: close_account(session, email, now=clock.now()))


def clock_text(text: str) -> str:
    """Return the time of day of a time in an answer."""
    return f"{datetime.fromisoformat(text):%H:%M}"


def tables_text(labels: list[str]) -> str:
    """Return the tables as a person says them."""
    return " and ".join(labels) if labels else "no table"
