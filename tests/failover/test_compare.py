"""Changes that only a replaced primary has: guests to call, and work to repeat, are named."""

import os
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from models.core.database.transactions import Base, make_engine
from tasks.failover.lost import ADVICE, RESERVATIONS
from tests.deploy.cli.test_cli import run
from tests.failover.cut_off import cut_off_and_back
from tests.failover.pair import DATABASE, Pair, is_read_only, name_of
from tests.services.running import surroundings
from tests.services.running.process import wait_until
from tests.services.running.restaurant import open_restaurant
from tests.services.running.stand import START, Stand
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.redis import RedisServer


def test_of_every_table_it_is_known_what_to_do_with_a_lost_row() -> None:
    tables = {table.name for table in Base.metadata.sorted_tables}
    assert ADVICE.keys() | {RESERVATIONS} == tables | {"alembic_version"}


def engine_of(server: MariaDB) -> Engine:
    """An engine of that server alone, without the fence."""
    return make_engine(server.url(DATABASE), pool_size=2)


@pytest.mark.slow
@pytest.mark.mariadb
def test_what_the_old_primary_alone_holds_is_listed_with_what_to_do(
    pair: Pair, redis_there: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = {"REDIS_URL": redis_there.url, "DATABASE_CONNECT_SECONDS": "1"}
    surroundings.settle(monkeypatch, dict(os.environ) | mine)
    one = engine_of(pair.one)
    stand = Stand(one, open_restaurant(one, slug="lindenhof"))
    both, kept = stand.ask(2), stand.ask(2, start=START + timedelta(days=1))
    one.dispose()
    assert "holds nothing that" in run("failover", "compare", name_of(pair.two)).output
    wait_until(
        lambda: pair.two.ask(f"SELECT COUNT(*) FROM {DATABASE}.reservations") == [(2,)],
        seconds=20,
        what="the replica to have both",
    )
    cut_off_and_back(pair)
    old, new = engine_of(pair.one), engine_of(pair.two)
    there = Stand(new, stand.restaurant, asked=10)
    elsewhere = there.ask(3)
    there.cancel(kept)
    stand.bind = old
    lost = stand.ask(4)
    assert lost == elsewhere, "the same number on both: only its reference tells them apart"
    stand.cancel(both)
    reference, changed = stand.row(lost).reference, stand.row(both).reference
    others = {there.row(number).reference for number in (kept, elsewhere)}
    for bind in (old, new):
        bind.dispose()
    said = run("failover", "compare", name_of(pair.one)).output
    assert is_read_only(pair.one), "nothing is added while somebody looks"
    assert f"{name_of(pair.one)} holds " in said
    lines = {line.split()[0]: line for line in said.splitlines() if line.strip()}
    assert "new " in lines[reference]
    assert "lindenhof" in lines[reference]
    assert "2026-03-06 19:00" in lines[reference]
    assert "Party 3, party3@example.com" in lines[reference]
    assert "enter it again, notify the guest" in lines[reference]
    assert "changed" in lines[changed]
    assert "it is confirmed on the primary: do it again" in lines[changed]
    assert not others & lines.keys(), "what the new primary wrote is not lost"
    assert "sent messages cannot be undone" in lines["messages"]


@pytest.mark.slow
@pytest.mark.mariadb
def test_a_server_that_holds_nothing_else_is_said_to(pair: Pair) -> None:
    one, two = map(name_of, pair.servers)
    assert f"{two} holds nothing that {one} never had" in run("failover", "compare", two).output
    assert f"{one} is the primary" in run("failover", "compare", one, ends=1).output
    pair.two.kill()
    assert "does not answer" in run("failover", "compare", two, ends=1).output
