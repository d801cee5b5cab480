"""After a restore, sessions are void, and ids and links of lost rows are never reused."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.core import clock
from models.core.database.transactions import reading, unit
from models.core.errors import SignInFailed
from models.core.secrets.signing import manage_token
from models.entities import Account, Message, Reservation, ReservationMove, SignIn
from models.operations.accounts.accounts import (
    OpenedSignIn,
    create_account,
    open_sign_in,
    rotate_refresh,
)
from models.queries.accounts.accounts import caller
from models.queries.reservations.links import opened_by
from tasks.backups.restore import opened, restore_into
from tasks.backups.restored_rows import AT_ONCE, prepare_rows
from tasks.backups.stores.safe import Safe
from tests.backups.conftest import Hands, made
from tests.services.running.stand import Stand


@contextmanager
def restored(safe: Safe, folder: Path) -> Iterator[Engine]:
    """Restore the newest backup and serve it."""
    done = restore_into(safe, folder, with_log=False)
    with opened(folder, done.newest) as bind:
        yield bind


def sign_in(bind: Engine, email: str) -> OpenedSignIn:
    def work(session: Session) -> OpenedSignIn:
        number = session.scalar(select(Account.id).where(Account.email == email))
        if number is None:
            number = create_account(session, email, name="", password_hash="x", now=clock.now())
        return open_sign_in(session, number, now=clock.now())

    return unit(work, bind)


@pytest.mark.both
def test_no_link_of_what_was_lost_opens_what_came_after(
    stand: Stand, safe: Safe, tmp_path: Path
) -> None:
    kept = stand.ask(2)
    made(safe)
    lost = stand.ask(2)
    with reading(stand.bind) as session:
        tokens = {
            number: manage_token(number, session.get_one(Reservation, number).link_secret)
            for number in (kept, lost)
        }
    with restored(safe, tmp_path / "back") as bind:
        fresh = Stand(bind, stand.restaurant, asked=100).ask(2)
        with reading(bind) as session:
            assert opened_by(session, tokens[kept], now=clock.now()) == kept
            with pytest.raises(SignInFailed):
                opened_by(session, tokens[lost], now=clock.now())
            with pytest.raises(SignInFailed):
                opened_by(session, manage_token(fresh, None), now=clock.now())


@pytest.mark.both
def test_no_sign_in_of_before_counts(stand: Stand, safe: Safe, tmp_path: Path) -> None:
    before = sign_in(stand.bind, "host@example.com")
    made(safe)
    lost = sign_in(stand.bind, "owner@example.com")
    now = clock.now()
    with restored(safe, tmp_path / "back") as bind:
        with reading(bind) as session:
            assert session.scalars(select(SignIn.revoked_at)).all() != [None]
        later = clock.now() + timedelta(seconds=5)
        fresh = unit(lambda session: open_sign_in(session, before.account_id, now=later), bind)
        for old in (before, lost):
            with reading(bind) as session, pytest.raises(SignInFailed):
                caller(session, old.sign_in_id, began=second(old), now=now)
            assert spend(bind, old, now=later) is None
        with reading(bind) as session:  # an old token ends no new session of that number
            found = caller(session, fresh.sign_in_id, began=second(fresh), now=later)
        assert found.account_id == before.account_id


def spend(bind: Engine, old: OpenedSignIn, *, now: datetime) -> OpenedSignIn | None:
    def work(session: Session) -> OpenedSignIn | None:
        return rotate_refresh(
            session,
            old.sign_in_id,
            refresh_id=old.refresh_id,
            fresh="the next",
            began=second(old),
            now=now,
        )

    return unit(work, bind)


def second(opened_: OpenedSignIn) -> datetime:
    return opened_.began.replace(microsecond=0)


@pytest.mark.mariadb
def test_a_server_gives_no_number_a_second_time(
    stand: Stand, safe: Safe, tmp_path: Path, hands: Hands
) -> None:
    stand.ask(2)
    made(safe)
    lost = [stand.ask(2) for _ in range(3)]
    with restored(safe, tmp_path / "back") as bind:
        other = Stand(bind, stand.restaurant, asked=100)
        first = other.ask(2)
        assert first > max(lost) + AT_ONCE // 2
        with reading(bind) as session:
            for entity in (Message, ReservationMove):
                assert max(session.scalars(select(entity.id))) > AT_ONCE
    hands.move(timedelta(hours=1))
    with restored(safe, tmp_path / "again") as bind:  # from the same backup, an hour later
        assert Stand(bind, stand.restaurant, asked=200).ask(2) > first + 100_000


@pytest.mark.both
def test_making_it_ready_twice_is_the_same(stand: Stand, db: Engine) -> None:
    stand.ask(2)
    for _ in range(2):
        prepare_rows(db, until=clock.now(), now=clock.now())
    assert stand.ask(2)
