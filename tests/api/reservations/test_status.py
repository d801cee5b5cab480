"""The status page: in plain words for everybody, with details and history for operators."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from apiflask import APIFlask
from sqlalchemy import Engine, func, select

from models.core import clock
from models.core.database.transactions import reading, transaction
from models.core.settings import settings
from models.entities import HealthChange
from models.operations.running.health import KEPT, forget_health, note_health
from models.operations.running.jobs import record_job
from models.queries.running.health import health_history
from tests.api.conftest import Answer, Client
from tests.services.counting import counting
from tests.services.running import surroundings
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.redis import RedisServer

NOW = clock.now().replace(microsecond=0)
JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def standing_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stays at NOW, however long the test run takes."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


def look(bind: Engine, late: Sequence[str], *, after: float) -> None:
    """Record a sweep `after` seconds past NOW that found `late`."""
    now = NOW + timedelta(seconds=after)
    with transaction(bind) as session:
        note_health(session, late, now=now)
        found = {"well": not late, "late": list(late)}
        record_job(session, "health", started=now, ended=now, result=found)


def history(bind: Engine) -> list[tuple[float, list[str]]]:
    with reading(bind) as session:
        rows = health_history(session, limit=10)
        return [((row.at - NOW).total_seconds(), row.late) for row in reversed(rows)]


@pytest.mark.both
def test_changes_are_written_down_and_nothing_else(db: Engine) -> None:
    look(db, [], after=0)
    with counting(db) as seen:
        look(db, [], after=15)
    assert not [text for text in seen.of("INSERT") if "health_changes" in text]
    look(db, ["requests", "drill"], after=30)
    look(db, ["drill", "requests"], after=45)
    look(db, [], after=60)
    assert history(db) == [(0, []), (30, ["drill", "requests"]), (60, [])]


@pytest.mark.both
def test_that_nobody_looked_is_written_down(db: Engine) -> None:
    look(db, [], after=0)
    look(db, [], after=15)
    look(db, [], after=300)
    assert history(db) == [(0, []), (15, ["health"]), (300, [])]


@pytest.mark.both
def test_old_changes_go_but_what_still_holds_stays(db: Engine) -> None:
    for number in range(3):
        look(db, [str(number)], after=number)
    with transaction(db) as session:
        assert forget_health(session, now=NOW + KEPT + timedelta(seconds=1.5)) == 2
    with transaction(db) as session:
        assert forget_health(session, now=NOW + 2 * KEPT) == 0
    assert history(db) == [(2, ["2"])]


@pytest.mark.parametrize(
    ("late", "found"),
    [([], "open"), (["drill"], "open"), (["requests"], "slow"), (["heartbeat.messages"], "slow")],
)
def test_guests_are_told_what_they_would_notice(
    db: Engine, redis: RedisServer, client: Client, late: list[str], found: str
) -> None:
    look(db, late, after=0)
    answer = client.get("/status", headers=JSON)
    assert (answer.status_code, answer.json["status"]) == (200, found)
    assert answer.headers["Cache-Control"] == "public, max-age=5"
    page = client.get("/status")
    assert page.mimetype == "text/html"
    assert answer.json["says"] in page.text
    for inner in ("heartbeat", "redis", "queue", "0.1.0", "late", "SQL"):
        assert inner not in page.text + answer.text


def test_without_redis_it_takes_longer(db: Engine, client: Client) -> None:
    look(db, [], after=0)
    assert client.get("/status", headers=JSON).json["status"] == "slow"


def sign_in(client: Client, password: str, user: str = "operator") -> Answer:
    given = b64encode(f"{user}:{password}".encode()).decode()
    return client.get("/status/operators", headers={"Authorization": f"Basic {given}"})


def test_operators_see_what_is_late_and_what_was(
    db: Engine, redis: RedisServer, client: Client
) -> None:
    look(db, ["requests"], after=-60)
    look(db, [], after=-30)
    page = sign_in(client, settings().flower_password)
    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    for said in ("heartbeat.allocation", "stuck_sends", "never", "overdue", "0.1.0", "now"):
        assert said in page.text
    with reading(db) as session:
        assert session.scalar(select(func.count(HealthChange.id))) == 2


def test_operators_see_every_limit_in_force(
    db: Engine, redis: RedisServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = sign_in(client, settings().flower_password).text
    assert "RATE_LIMITS is off" in page
    monkeypatch.setenv("RATE_LIMITS", "on")
    monkeypatch.setenv("LIMIT_EVENING", "7/day")
    surroundings.forget_everything()
    page = sign_in(client, settings().flower_password).text
    assert "RATE_LIMITS is off" not in page and "7/day" in page
    limits = [name for name in type(settings()).model_fields if name.startswith("limit_")]
    assert len(limits) > 10
    for name in limits:
        assert name.upper() in page
        assert str(getattr(settings(), name) or "none") in page


def test_operators_have_a_password(
    db: Engine, redis: RedisServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = client.get("/status/operators")
    assert asked.status_code == 401
    assert asked.headers["WWW-Authenticate"].startswith("Basic ")
    assert "stuck_sends" not in asked.text
    assert sign_in(client, settings().flower_password, user="anna").status_code == 401
    assert client.get("/status/operators", headers={"Authorization": "Bearer x"}).status_code == 401
    for _ in range(20):
        last = sign_in(client, "a guess")
    assert last.status_code == 429
    assert sign_in(client, settings().flower_password).status_code == 429
    monkeypatch.setenv("FLOWER_PASSWORD", "")
    surroundings.forget_everything()
    assert sign_in(client, "").status_code == 404


@pytest.mark.mariadb
def test_without_the_database_both_pages_say_so(
    mariadb: MariaDB, service_env: dict[str, str], app: APIFlask, restaurant: Callable[..., object]
) -> None:
    restaurant()
    client: Client = app.test_client()
    mariadb.kill()
    try:
        answer = client.get("/status", headers=JSON)
        assert (answer.status_code, answer.json["status"]) == (503, "closed")
        assert "not reachable" in client.get("/status").text
        page = sign_in(client, settings().flower_password)
        assert (page.status_code, "The database does not answer" in page.text) == (200, True)
    finally:
        mariadb.start()
    surroundings.forget_everything()
