"""The demo restaurant of the embedded mode, and its accounts."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import unit
from models.entities.accounts import Account
from models.entities.floor import Restaurant
from models.operations.accounts.accounts import create_account, grant_role, hash_password
from models.operations.floor.file import read_restaurant
from models.operations.floor.load import load_restaurant
from models.rules.permissions import Role

SLUG: Final = "demo"
EXAMPLE: Final = Path(__file__).resolve().parents[2] / "examples" / "demo.toml"


@dataclass(frozen=True, slots=True)
class SignInCard:
    """An account that may sign in, with its initial password."""

    role: str
    email: str
    password: str


def open_demo(secret: Callable[..., str]) -> list[SignInCard]:
    """Create the demo restaurant and one account per role where they are missing.

    `secret(name, length=bytes)` returns a stored password. Later changes are preserved.
    """
    cards = [
        SignInCard(role.value, f"{role.value}@demo.example", secret(f"demo_{role}", length=9))
        for role in Role
    ]
    unit(lambda session: _open(session, cards))
    return cards


def _open(session: Session, cards: list[SignInCard]) -> None:
    restaurant_id = session.scalar(select(Restaurant.id).where(Restaurant.slug == SLUG))
    if restaurant_id is None:
        file = read_restaurant(EXAMPLE.read_text(encoding="utf-8"))
        restaurant_id = load_restaurant(session, file, now=clock.now())
    for card in cards:
        if session.scalar(select(Account.id).where(Account.email == card.email)) is None:
            account_id = create_account(
                session,
                card.email,
                name=card.role.title(),
                password_hash=hash_password(card.password),
                now=clock.now(),
            )
            grant_role(session, account_id, restaurant_id=restaurant_id, role=Role(card.role))
