"""/metrics: waiting rows, jobs and health, read from the database at each scrape."""

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, make_url

from models.core import clock
from models.core.database.transactions import reading, transaction
from models.core.settings import settings
from models.entities import ChannelState, FlagSwitch
from models.operations.running.jobs import record_job
from models.queries.running.health import read_health
from tests.api.conftest import Client, Stand
from tests.services.running import surroundings
from tests.services.servers.redis import RedisServer
from web.app import create_app

Samples = dict[tuple[str, str], float]


def scraped(client: Client) -> Samples:
    """Return every sample by name and the value of its only label (empty without labels)."""
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
        record_job(session, "retain", started=began, ended=began, error="DecryptionFailed")
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
    assert (found["maitred_job_failing", "sweep"], found["maitred_job_failing", "retain"]) == (0, 1)
    assert found["maitred_flag_percent", "sms"] == 0
    assert found["maitred_flag_percent", "waitlist-offers"] == 100


def test_what_is_switched_off_or_was_once_leaves_the_metrics(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise its last failure would raise an alert forever."""
    began = clock.now()
    names = {"log", "second_store", "job-of-a-release-before"}
    with transaction(stand.db) as session:
        for name in names:
            record_job(session, name, started=began, ended=began, error="StoreFailed")
        session.add(ChannelState(channel="sms", down_since=began, reason="twilio 401"))
    server = "mysql+mysqldb://nobody@127.0.0.1:1/none"  # SQLite keeps no log
    on_are = {"database_url": server, "backup_store": "/kept", "backup_second_store": "/far"}
    for name, value in on_are.items():
        monkeypatch.setattr(settings(), name, value)
    on = scraped(stand.client)
    assert (on["maitred_job_failing", "log"], on["maitred_job_failing", "second_store"]) == (1, 1)
    assert on["maitred_channel_up", "sms"] == 0
    monkeypatch.setattr(settings(), "backup_log", "off")
    monkeypatch.setattr(settings(), "backup_second_store", "")
    monkeypatch.setattr(settings(), "sms_channel", "off")
    off = scraped(stand.client)
    # counters of sent messages stay
    gauges = ("maitred_job_", "maitred_backup_job_", "maitred_late", "maitred_channel_up")
    assert not [name for name, label in off if name.startswith(gauges) and label in {*names, "sms"}]
    assert on["maitred_channel_up", "email"] == off["maitred_channel_up", "email"] == 1


def test_a_log_of_which_nothing_was_kept_is_late(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = clock.now() - timedelta(seconds=61)
    with transaction(stand.db) as session:
        record_job(session, "log", started=kept, ended=kept)
    monkeypatch.setattr(settings(), "database_url", "mysql+mysqldb://nobody@127.0.0.1:1/none")
    monkeypatch.setattr(settings(), "backup_store", "/kept")
    assert scraped(stand.client)["maitred_late", "log"] == 1
    with reading() as session:
        assert "log" in read_health(session, now=clock.now()).late
        assert "log" not in read_health(session, now=kept + timedelta(seconds=59)).late


def test_the_servers_of_the_database_are_late_as_the_sweep_found_them(stand: Stand) -> None:
    def sweep(*late: str, servers: tuple[str, ...] = ("one", "two")) -> Samples:
        now, result = clock.now(), {"late": list(late), "servers": list(servers)}
        with transaction(stand.db) as session:
            record_job(session, "health", started=now, ended=now, result=result)
        return scraped(stand.client)

    assert ("maitred_late", "replica") not in sweep(servers=())
    found = sweep("two_primaries", "replica")
    late = [found["maitred_late", name] for name in ("two_primaries", "replica", "semi_sync")]
    assert late == [1, 1, 0]


def test_without_the_database_it_says_so(
    db: Engine, service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = make_url("sqlite:////proc/nowhere.db").render_as_string()
    surroundings.settle(monkeypatch, service_env | {"DATABASE_URL": gone})
    found = scraped(create_app().test_client())
    assert found["maitred_database_up", ""] == 0
    assert not [name for name, _ in found if name.startswith("maitred_waiting")]
