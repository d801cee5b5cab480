"""The application under test: a client, its restaurant, its staff, and a worker on call."""

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
from models.core.secrets.signing import proof_code
from models.core.settings import settings
from models.entities import Reservation
from models.operations.accounts.accounts import create_account, grant_role, hash_password
from models.operations.deciding.allocation import decide_waiting
from models.rules.permissions import Role
from tests.services.running.restaurant import OpenRestaurant
from web.app import create_app

#: Flask's test client and its answers: their `json` is whatever was sent
Client: TypeAlias = Any
Answer: TypeAlias = Any

PASSWORD = "a long enough password"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="session")
def password_hash() -> str:
    """Argon2 takes a while: one hash for every account of the tests."""
    return hash_password(PASSWORD)


@pytest.fixture
def app(db: Engine) -> APIFlask:
    """The application on this test's database."""
    return create_app()


@pytest.fixture
def client(app: APIFlask) -> Client:
    """Calls the application without a server."""
    return app.test_client()


@dataclass(slots=True)
class Stand:
    """A restaurant, and the ways to call the API about it."""

    client: Client
    restaurant: OpenRestaurant
    db: Engine
    tokens: dict[str, str] = field(default_factory=dict)

    def start(self, hour: int = 19, minute: int = 0, *, days: int = 3) -> str:
        """A local start some days from now, as RFC 3339."""
        day = clock.now().astimezone(BERLIN).date() + timedelta(days=days)
        return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN).isoformat()

    def body(self, **changes: Any) -> dict[str, Any]:
        """A request that is right, with changes."""
        return {
            "party_size": 2,
            "start": self.start(),
            "guest": {"name": "Ada Lovelace", "email": "ada@example.com"},
        } | changes

    def ask(self, *, key: str | None = None, prefer: str = "", **changes: Any) -> Answer:
        """Ask for a table."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        if prefer:
            headers["Prefer"] = prefer
        return self.client.post(
            f"/api/v1/restaurants/{self.restaurant.slug}/reservations",
            json=self.body(**changes),
            headers=headers,
        )

    def decide(self) -> int:
        """Do the worker's work: decide whatever waits. How many were decided."""
        done = 0
        for lane in range(settings().lanes):
            with transaction(self.db) as session:
                decided = decide_waiting(session, lane, now=clock.now(), limit=500)
            signals.signal_decided(decided.awaited)
            done += decided.count
        return done

    def confirmed(self, **changes: Any) -> dict[str, Any]:
        """A reservation that was asked for and decided; its 202 answer."""
        answer = self.ask(**changes)
        assert answer.status_code == 202, answer.text
        self.decide()
        return dict(answer.json)

    def prove(self, made: dict[str, Any]) -> None:
        """The guest opens the link of each message: its contacts are the guest's own."""
        with transaction(self.db) as session:
            guest = session.get_one(Reservation, int(made["id"])).guest
        for contact in filter(None, (guest.email, guest.phone)):
            code = proof_code(int(made["id"]), contact)
            answer = self.client.get(f"/manage/{made['manage_token']}?k={code}")
            assert answer.status_code == 303

    def as_staff(self, role: str = "host") -> dict[str, str]:
        """The header of a member of staff with this role, who signs in when first needed."""
        if role not in self.tokens:
            self.tokens[role] = sign_in(self.client, f"{role}@example.com")["access_token"]
        return {"Authorization": f"Bearer {self.tokens[role]}"}


def counted(bind: Engine) -> dict[str, int]:
    """Rows by table: to see that nothing was written."""
    with bind.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in Base.metadata.sorted_tables
        }


@pytest.fixture
def make_account(db: Engine, password_hash: str) -> Callable[..., int]:
    """`make_account(email, restaurant_id=role, ...)`: an account with roles by restaurant id."""

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
    """The tokens of a sign-in."""
    answer = client.post("/api/v1/auth/sign-in", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


@pytest.fixture
def stand(client: Client, restaurant: Callable[..., OpenRestaurant], db: Engine) -> Stand:
    """A restaurant with six tables, dinner only, and nobody signed in."""
    return Stand(client, restaurant(), db)


@pytest.fixture
def staffed(stand: Stand, make_account: Callable[..., int]) -> Stand:
    """The same with an account of each role."""
    for role in Role:
        make_account(f"{role}@example.com", {stand.restaurant.id: role.value})
    return stand
