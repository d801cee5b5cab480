"""Key rotation during an evening: no request is refused and every guest is notified."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from deploy.cli.main import main
from models.core.secrets import encryption
from models.entities.reservations import Reservation
from tests.faults.guests import Crowd, assert_all_checks_pass
from tests.services.running.process import wait_until
from tests.services.running.stack import Stack
from tests.services.running.stacks import open_stack
from tests.services.running.surroundings import forget_everything, settle

pytestmark = pytest.mark.slow

HALL = {str(number): ("hall", 1, 4) for number in range(12)}


@pytest.fixture
def stack(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack of its own: others could not decrypt guests under the new keys."""
    server = None if backend == "sqlite" else request.getfixturevalue("mariadb")
    with open_stack(tmp_path, server) as running:
        yield running


@pytest.mark.both
def test_keys_are_renewed_under_load(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch, stack.env)
    restaurant = stack.open_restaurant(tables=HALL)
    before = encryption.keyring().primary
    with Crowd(stack, restaurant) as crowd:
        wait_until(lambda: len(crowd.accepted) > 20, seconds=20, what="a crowd")
        result = CliRunner().invoke(main, ["keys", "rotate"])
        already = len(crowd.accepted)
        wait_until(lambda: len(crowd.accepted) > already + 20, seconds=20, what="more of them")
    assert result.exit_code == 0, result.output
    assert not crowd.refused
    assert not crowd.unanswered
    stack.wait_decided(crowd.ids)
    assert_all_checks_pass(stack)
    with Session(stack.engine) as session:
        rows = session.scalars(
            select(Reservation).where(Reservation.restaurant_id == restaurant.id)
        )
        sealed = [(encryption.key_of(row.guest_sealed), row.guest.email) for row in rows]
    assert {email for _, email in sealed} >= crowd.emails
    now = encryption.keyring(now=True).primary
    assert now != before
    assert {key for key, _ in sealed} == {now}
    told = {recipient for mail in stack.mailbox.mails() for recipient in mail.recipients}
    assert told >= crowd.emails
    forget_everything()
