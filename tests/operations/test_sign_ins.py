"""Sign-ins on a database whose answers are lost."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, make_url

from models.core.database.transactions import make_engine, unit
from models.entities.accounts import SignIn
from models.operations.accounts.accounts import (
    OpenedSignIn,
    create_account,
    open_sign_in,
    rotate_refresh,
)
from tests.services.servers.breaking_line import BreakingLine

NOW = datetime(2026, 11, 27, 18, tzinfo=UTC)


def _spend(bind: Engine, old: OpenedSignIn, fresh: str) -> OpenedSignIn | None:
    return unit(
        lambda session: rotate_refresh(
            session, old.sign_in_id, refresh_id=old.refresh_id, fresh=fresh, began=None, now=NOW
        ),
        bind,
    )


def _opened(db: Engine) -> OpenedSignIn:
    number = unit(
        lambda session: create_account(
            session, "host@example.com", name="Host", password_hash="", now=NOW
        ),
        db,
    )
    return unit(lambda session: open_sign_in(session, number, now=NOW), db)


@pytest.mark.mariadb
def test_a_refresh_whose_commit_is_not_answered_keeps_its_sign_in(db: Engine) -> None:
    old = _opened(db)
    url = make_url(db.url.render_as_string(hide_password=False))
    assert url.port
    with BreakingLine(url.port) as between:
        far = make_engine(url.set(port=between.port).render_as_string(hide_password=False))
        unit(lambda session: session.get(SignIn, old.sign_in_id), far)
        between.lose_the_answer_to(b"commit")
        spent = _spend(far, old, "next")
        assert between.broken == 1
        far.dispose()
    assert spent is not None
    assert spent.refresh_id == "next"


@pytest.mark.both
def test_a_refresh_token_that_is_spent_twice_ends_its_sign_in(db: Engine) -> None:
    old = _opened(db)
    assert _spend(db, old, "next") is not None
    assert _spend(db, old, "another") is None
    assert unit(lambda session: session.get_one(SignIn, old.sign_in_id).revoked_at, db) == NOW
