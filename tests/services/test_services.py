"""The test servers themselves: each starts, answers, dies and restarts."""

import smtplib
from collections.abc import Callable
from email.message import EmailMessage

import pytest
from sqlalchemy import Engine, func, select

from models.core.database.transactions import reading, transaction
from models.core.settings import settings
from models.entities import DiningTable, Restaurant
from tests.services.counting import counting
from tests.services.running.restaurant import OpenRestaurant
from tests.services.running.together import answers, together
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.redis import RedisServer


@pytest.mark.both
def test_each_test_finds_an_empty_database(
    db: Engine, backend: str, restaurant: Callable[..., OpenRestaurant]
) -> None:
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Restaurant)) == 0
    made = restaurant()
    assert db.dialect.name == ("sqlite" if backend == "sqlite" else "mysql")
    with reading() as session:
        found = session.scalar(select(DiningTable.restaurant_id).limit(1))
    assert found == made.id


@pytest.mark.both
def test_statements_are_counted_without_transaction_control(
    db: Engine, restaurant: Callable[..., OpenRestaurant]
) -> None:
    restaurant()
    with counting(db) as statements, transaction() as session:
        session.scalars(select(DiningTable)).all()
    assert statements.count == 1


@pytest.mark.both
def test_redis_stands_beside_the_database(redis: RedisServer, db: Engine, backend: str) -> None:
    assert settings().redis_url == redis.url
    with redis.client() as client:
        assert client.dbsize() == 0
        name = client.info("server").get("server_name", "redis")
        client.set("left", "over")
    assert name == ("valkey" if backend == "sqlite" else "redis")


def test_the_mailbox_keeps_what_it_accepted(mailbox: Mailbox) -> None:
    message = EmailMessage()
    message["Subject"] = "Your table"
    message.set_content("Friday at eight")
    with smtplib.SMTP("127.0.0.1", mailbox.port) as client:
        client.send_message(message, "restaurant@example.com", ["guest@example.com"])
    [mail] = mailbox.mails("guest@example.com")
    assert (mail.subject, mail.text.strip()) == ("Your table", "Friday at eight")


@pytest.mark.mariadb
def test_mariadb_comes_back_with_what_was_committed(
    mariadb: MariaDB, db: Engine, restaurant: Callable[..., OpenRestaurant]
) -> None:
    made = restaurant()
    mariadb.restart(hard=True)
    db.dispose()
    with reading() as session:
        assert session.get_one(Restaurant, made.id).slug == "demo"


def test_all_callers_run_at_once() -> None:
    assert answers(together(lambda number: number * 2, [1, 2, 3])) == [2, 4, 6]
    [error] = together(lambda number: 1 // number, [0])
    assert isinstance(error, ZeroDivisionError)


@pytest.mark.xdist_group("together")
def test_tests_of_a_group_are_sent_to_one_process(request: pytest.FixtureRequest) -> None:
    """On a pytest that xdist does not know yet, groups are silently ignored."""
    if request.config.getoption("loadgroup", default=False):
        assert request.node.nodeid.endswith("@together")
