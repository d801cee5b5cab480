"""`maitred health` reports the same as `/readyz`, and its exit code follows the status."""

from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from deploy.cli.health import EXIT_CODES
from deploy.cli.main import main
from models.core.database.transactions import engine
from models.migrations import head
from tests.services import plan
from tests.services.ports import free_port
from tests.services.running.surroundings import settle
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.redis import RedisServer
from web.app import create_app


@pytest.fixture
def migrated(db: object) -> None:
    """Mark the schema as this release's."""
    with engine().begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{head()}')")


def health(*words: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(main, ["health", *words])
    return done.exit_code, orjson.loads(done.output)


def test_it_says_what_readyz_says(migrated: None, redis: RedisServer) -> None:
    answer = create_app().test_client().get("/readyz").json
    code, found = health()
    assert code == EXIT_CODES[found["status"]] == 0
    assert answer is not None
    assert found | {"at": ""} == answer | {"at": ""}


def test_without_redis_it_is_degraded_and_without_a_database_not_ready(
    migrated: None, service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(monkeypatch, service_env | {"REDIS_URL": f"redis://127.0.0.1:{free_port()}"})
    code, found = health()
    assert (code, found["status"], found["redis"]) == (1, "degraded", "gone")
    nowhere = {"DATABASE_URL": "mysql+mysqldb://nobody@127.0.0.1:1/nothing"}
    settle(monkeypatch, service_env | nowhere)
    code, found = health()
    assert (code, found["status"], found["database"]) == (2, "not ready", "gone")
    figure = "degraded without Redis, not ready without a database"
    for target in ("hosts", "embedded"):
        plan.prove(line="health", target=target, how="seen", figure=figure)


def test_a_web_process_that_does_not_answer_is_said(
    migrated: None, redis: RedisServer, mailbox: Mailbox
) -> None:
    code, found = health("--url", f"http://127.0.0.1:{free_port()}")
    assert code == 2
    assert found["status"] == "ready"
    assert found["web"].startswith("no answer: ConnectError")
