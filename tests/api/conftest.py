"""Fixtures: the application, a client, a restaurant, its staff, and the worker's decisions."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import pytest
from apiflask import APIFlask
from sqlalchemy import Engine, func, select

from models.core import clock
from models.core.database.transactions import Base, transaction
from models.core.redis import signals
from models.core.secrets.signing import confirmation_code
from models.core.settings import settings
from models.entities import Reservation
from models.operations.accounts.accounts import create_account, grant_role, hash_password
from models.operations.deciding.allocation import decide_waiting
from models.rules.permissions import Role
from tests.services.running.restaurant import OpenRestaurant
from web.app import create_app

#: Flask's test client and its responses. The type of `json` depends on the response.
Client: TypeAlias = Any
Answer: TypeAlias = Any

PASSWORD = "a long enough password"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="session")
def password_hash() -> str:
    """Argon2 is slow, so all test accounts share one hash."""
    return hash_password(PASSWORD)


@pytest.fixture
def app(db: Engine) -> APIFlask:
    return create_app()


@pytest.fixture
def client(app: APIFlask) -> Client:
    return app.test_client()


@dataclass(slots=True)
class Stand:
    """A restaurant, and helpers that call the API for it."""

    client: Client
    restaurant: OpenRestaurant
    db: Engine
    tokens: dict[str, str] = field(default_factory=dict)

    def start(self, hour: int = 19, minute: int = 0, *, days: int = 3) -> str:
        """Return a local start `days` from now, as RFC 3339."""
        day = clock.now().astimezone(BERLIN).date() + timedelta(days=days)
        return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN).isoformat()

    def body(self, **changes: Any) -> dict[str, Any]:
        """Return a valid request body, with changes."""
        return {
            "party_size": 2,
            "start": self.start(),
            "guest": {"name": "Ada Lovelace", "email": "ada@example.com"},
        } | changes

    def ask(self, *, key: str | None = None, prefer: str = "", **changes: Any) -> Answer:
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        if prefer:
            headers["Prefer"] = prefer
        return self.client.post(
            f"/api/v1/restaurants/{self.restaurant.slug}/reservations",
            json=self.body(**changes),
            headers=headers,
        )

    def decide(self) -> int:
        """Decide all waiting requests, as the worker would. Return how many."""
        done = 0
        for lane in range(settings().lanes):
            with transaction(self.db) as session:
                decided = decide_waiting(session, lane, now=clock.now(), limit=500)
            signals.signal_decided(decided.awaited)
            done += decided.count
        return done

    def confirmed(self, **changes: Any) -> dict[str, Any]:
        """Request a table and decide it. Return the body of the 202."""
        answer = self.ask(**changes)
        assert answer.status_code == 202, answer.text
        self.decide()
        return dict(answer.json)

    def prove(self, made: dict[str, Any]) -> None:
        """Open the link of each message as the guest, which confirms the contacts."""
        with transaction(self.db) as session:
            guest = session.get_one(Reservation, int(made["id"])).guest
        for contact in filter(None, (guest.email, guest.phone)):
            code = confirmation_code(int(made["id"]), contact)
            answer = self.client.get(f"/manage/{made['manage_token']}?k={code}")
            assert answer.status_code == 303

    def as_staff(self, role: str = "host") -> dict[str, str]:
        """Return the Authorization header of a staff account, signing in on first use."""
        if role not in self.tokens:
            self.tokens[role] = sign_in(self.client, f"{role}@example.com")["access_token"]
        return {"Authorization": f"Bearer {self.tokens[role]}"}


def counted(bind: Engine) -> dict[str, int]:
    """Return the number of rows by table, to check that nothing was written."""
    with bind.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in Base.metadata.sorted_tables
        }


@pytest.fixture
def make_account(db: Engine, password_hash: str) -> Callable[..., int]:
    """`make_account(email, {restaurant_id: role})` creates an account and returns its id."""

    def make(email: str, roles: dict[int, str] | None = None) -> int:
        with transaction(db) as session:
            number = create_account(
                session, email, name="", password_hash=password_hash, now=clock.now()
            )
            for restaurant_id, role in (roles or {}).items():
                grant_role(session, number, restaurant_id=restaurant_id, role=Role(role))
        return number

    return make


def sign_in(client: Client, email: str) -> dict[str, Any]:
    answer = client.post("/api/v1/auth/sign-in", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


@pytest.fixture
def stand(client: Client, restaurant: Callable[..., OpenRestaurant], db: Engine) -> Stand:
    """A restaurant with six tables, dinner only, and nobody signed in."""
    return Stand(client, restaurant(), db)


@pytest.fixture
def staffed(stand: Stand, make_account: Callable[..., int]) -> Stand:
    """The same restaurant with an account for each role."""
    for role in Role:
        make_account(f"{role}@example.com", {stand.restaurant.id: role.value})
    return stand
