"""`maitred demo`: the same guests for the same seed, an evening against a running installation."""

from datetime import date

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from deploy.cli.main import main
from deploy.demo.guests import invite
from deploy.demo.report import percentile
from models.core import clock
from models.core.database.transactions import transaction, unit
from models.entities import Message, Reservation
from models.operations.floor.file import read_restaurant
from models.operations.floor.load import load_restaurant
from models.queries.floor.load import restaurant_by_slug
from models.rules.restaurant.restaurant import split_book_id
from models.rules.restaurant.sittings import sittings_on
from tests.architecture.tree import ROOT
from tests.services.running import surroundings
from tests.services.running.stack import Stack

FRIDAY = ROOT / "examples" / "friday.toml"


def play(stack: Stack, *more: str) -> Result:
    args = ("demo", "--url", stack.url, "--at-once", "20", "--no-stand", *more)
    return CliRunner().invoke(main, args, catch_exceptions=False)


def last_reservation(stack: Stack) -> Reservation:
    with Session(stack.engine) as session:
        query = select(Reservation).order_by(Reservation.id.desc()).limit(1)
        return session.scalars(query).one()


def reservations(stack: Stack) -> int:
    with Session(stack.engine) as session:
        return session.scalar(select(func.count()).select_from(Reservation)) or 0


@pytest.mark.both
def test_an_evening_is_played_and_proved(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    surroundings.settle(monkeypatch, stack.env)
    result = play(stack, "--guests", "60")
    assert result.exit_code == 0, result.output
    for words in ("Decisions", "request to decision", "confirmation", "No findings"):
        assert words in result.output
    first = last_reservation(stack)
    assert split_book_id(first.book_id)[1].weekday() == 4
    assert play(stack, "--guests", "5").exit_code == 0
    assert last_reservation(stack).book_id == first.book_id + 7, "the Friday after"
    surroundings.forget_everything()


def test_a_broken_promise_is_found_after_the_evening(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    surroundings.settle(monkeypatch, stack.env)
    assert play(stack, "--guests", "3").exit_code == 0
    party = last_reservation(stack)
    told = update(Message).where(Message.reservation_id == party.id, Message.kind != "reminder")
    with transaction(stack.engine) as session:
        session.execute(told.values(state="failed"))
    result = play(stack, "--guests", "3")
    with transaction(stack.engine) as session:  # restore the shared stack
        session.execute(told.values(state="sent"))
    assert result.exit_code == 1
    assert f" of reservation {party.id} ended without a reason" in result.output
    surroundings.forget_everything()


def test_it_does_not_play_at_another_restaurant(
    stack: Stack, service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = read_restaurant(FRIDAY.read_text(encoding="utf-8"))
    with transaction(stack.engine) as session:
        load_restaurant(session, file, now=clock.now())
    before = reservations(stack)
    surroundings.settle(monkeypatch, service_env)
    result = play(stack, "--guests", "50")
    assert result.exit_code == 1
    assert result.stderr.startswith("maitred: DATABASE_URL: ")
    assert reservations(stack) == before + 1


def test_no_restaurant_is_named(db: Engine) -> None:
    result = CliRunner().invoke(main, ("demo", "--url", "http://127.0.0.1:1"))
    assert result.exit_code == 1
    assert result.stderr.startswith("maitred: no installation answers at http://127.0.0.1:1")


def test_the_same_seed_invites_the_same_guests(db: Engine) -> None:
    file = read_restaurant(FRIDAY.read_text(encoding="utf-8"))
    unit(lambda session: load_restaurant(session, file, now=clock.now()))
    restaurant = unit(lambda session: restaurant_by_slug(session, "friday"))
    (sitting,) = sittings_on(restaurant, date(2026, 3, 6))
    guests = invite(restaurant, sitting, count=300, seed=7)
    assert guests == invite(restaurant, sitting, count=300, seed=7)
    assert guests != invite(restaurant, sitting, count=300, seed=8)
    assert {guest.body["party_size"] for guest in guests} == set(range(1, 11))
    assert {guest.body.get("area") for guest in guests} == {None, "hall", "garden"}
    people = [guest.body["guest"] for guest in guests]
    contacts = {(each.get("email"), each.get("phone")) for each in people}
    assert len(contacts) == 300
    assert (None, None) not in contacts
    assert any(guest.change for guest in guests)
    assert any(guest.cancels for guest in guests)


def test_percentiles() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 0.5), percentile(values, 0.99)) == (51, 100)
    assert (percentile([], 0.5), percentile([3.0], 0.99)) == (0, 3)
