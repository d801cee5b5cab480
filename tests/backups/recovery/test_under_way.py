"""Maitred crashes while a message is being sent: findings of the check until the jobs have run."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine

from models.core import clock
from models.core.database.transactions import engine, reading, unit
from models.integrity.check import findings
from models.operations.messages.claims import claim_due
from tasks.backups.stores.safe import Safe
from tasks.maintenance import sweep
from tasks.messaging.drain import LEASE_SECONDS, drain
from tests.backups.conftest import Hands, made
from tests.backups.recovery.test_restored_rows import restored
from tests.queries.evening import GRACE
from tests.services.running import surroundings
from tests.services.running.stand import START, Stand
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.redis import RedisServer

AWAY = timedelta(minutes=10)
#: the interval between two sweeps
NEXT = timedelta(seconds=2)
EMAIL = "party@example.com"


def found(bind: Engine) -> set[tuple[str, tuple[int, ...]]]:
    with reading(bind) as session:
        return {
            (each.rule, each.ids)
            for each in findings(session, now=clock.now(), grace_seconds=GRACE)
        }


@pytest.mark.both
def test_a_message_on_its_way_when_the_restaurant_fell_is_named_until_the_clock_has_run(
    stand: Stand,
    safe: Safe,
    hands: Hands,
    service_env: dict[str, str],
    mailbox: Mailbox,
    redis: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    number = stand.ask(2, start=START + timedelta(days=7), now=clock.now(), email=EMAIL)
    sweep()
    claim = partial(claim_due, limit=9, now=clock.now(), claim="died")
    assert unit(partial(claim, lease_seconds=LEASE_SECONDS)) == 1
    made(safe)  # between claim and record

    with restored(safe, tmp_path / "back") as bind:
        url = bind.url.render_as_string(hide_password=False)
        surroundings.settle(monkeypatch, service_env | {"DATABASE_URL": url})
        assert found(bind) == set(), "it may take its time"
        hands.move(AWAY)
        stuck = {("stuck-claim", (number,)), ("message-late", (number,))}
        drain()
        assert found(bind) == stuck, "nobody but the sweep takes it back"
        sweep()
        assert found(bind) == stuck, "who holds it gets the time to say so"
        hands.move(NEXT)
        sweep()
        drain()
        assert found(bind) == set()
        engine().dispose()
    assert len(mailbox.mails(EMAIL)) == 1
