"""/metrics: what waits, which jobs ran, what is up; read from the rows when it is asked."""

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, make_url

from models.core import clock
from models.core.db import transaction
from models.entities import FlagSwitch
from models.operations.house import record_job
from tests.api.conftest import Client, Stand
from tests.services import surroundings
from tests.services.redis import RedisServer
from web.app import create_app

Samples = dict[tuple[str, str], float]


def scraped(client: Client) -> Samples:
    """Every sample by its name and its only label's value (empty without labels)."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


@pytest.mark.both
def test_what_waits_is_read_from_the_rows(stand: Stand, redis: RedisServer) -> None:
    found = scraped(stand.client)
    assert found["maitred_waiting_rows", "requests"] == 0
    for _ in range(2):
        assert stand.ask().status_code == 202
    found = scraped(stand.client)
    assert found["maitred_waiting_rows", "requests"] == 2
    assert found["maitred_waiting_oldest_seconds", "requests"] >= 0
    assert found["maitred_late", "requests"] == 0
    assert (found["maitred_database_up", ""], found["maitred_redis_up", ""]) == (1, 1)
    stand.decide()
    assert scraped(stand.client)["maitred_waiting_rows", "requests"] == 0


def test_a_failing_job_and_a_killed_flag_show(stand: Stand) -> None:
    began = clock.now()
    with transaction(stand.db) as session:
        record_job(session, "sweep", started=began, ended=began + timedelta(seconds=2))
        record_job(session, "backup", started=began, ended=began, error="BackupFailed")
        session.add(
            FlagSwitch(
                flag="sms",
                restaurant_id=0,
                percent=100,
                is_killed=True,
                changed_at=began,
                changed_by="operator",
            )
        )
    found = scraped(stand.client)
    assert found["maitred_job_last_success_seconds", "sweep"] == pytest.approx(
        began.timestamp(), abs=3
    )
    assert found["maitred_job_seconds", "sweep"] == 2
    assert (found["maitred_job_failing", "sweep"], found["maitred_job_failing", "backup"]) == (0, 1)
    assert found["maitred_flag_percent", "sms"] == 0
    assert found["maitred_flag_percent", "waitlist-offers"] == 100


def test_without_the_database_it_says_so(
    db: Engine, house_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = make_url("sqlite:////proc/nowhere.db").render_as_string()
    surroundings.settle(monkeypatch, house_env | {"DATABASE_URL": gone})
    found = scraped(create_app().test_client())
    assert found["maitred_database_up", ""] == 0
    assert not [name for name, _ in found if name.startswith("maitred_waiting")]
