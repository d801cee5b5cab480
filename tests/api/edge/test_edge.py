"""Every endpoint declares its access, and the OpenAPI document its answers."""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from apiflask import APIFlask
from sqlalchemy import Engine

from models import migrations
from models.core import clock
from models.core.database.transactions import transaction
from models.operations.running.jobs import record_job
from models.operations.running.leases import lead
from models.rules.permissions import PERMISSIONS, Permission, Role, may
from tests.api.conftest import Client, Stand
from tests.services.running import surroundings
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.redis import RedisServer
from web.http.access import Access
from web.metrics import requests as metrics
from web.openapi import COMMITTED, document

#: endpoints of Flask and APIFlask: static files, and the document
FRAMEWORK = {"static", "openapi.spec"}


def spec_of(app: APIFlask) -> Any:
    """Return the document. APIFlask's type does not say that it is a dict."""
    return app.spec


def test_every_endpoint_names_who_may_use_it(app: APIFlask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.endpoint in FRAMEWORK:
            continue
        access = getattr(app.view_functions[rule.endpoint], "access", None)
        assert isinstance(access, Access), f"{rule} names neither a permission nor public"
        needs = access.kind in ("staff", "guest-or-staff")
        assert (access.permission is not None) == needs, rule
        if "reservation_id" in rule.arguments or "/book" in rule.rule.removeprefix("/book"):
            assert needs, f"{rule} is about what only some may see"


def test_each_role_may_do_what_the_one_below_may() -> None:
    steps = [Role.VIEWER, Role.HOST, Role.MANAGER, Role.OWNER]
    for lower, higher in pairwise(steps):
        assert PERMISSIONS[lower] < PERMISSIONS[higher]
    assert PERMISSIONS[Role.OWNER] == set(Permission)
    assert not may(Role.HOST, Permission.FORCE_PACING)


def test_the_committed_document_is_the_one_served(app: APIFlask, client: Client) -> None:
    assert COMMITTED.read_bytes() == document(app), "run: python -m web.openapi"
    served = client.get("/openapi.json")
    assert served.json == client.application.json.loads(COMMITTED.read_bytes())
    assert served.json["openapi"].startswith("3.1")


def test_every_reference_of_the_document_resolves(app: APIFlask) -> None:
    text = document(app).decode()
    names: dict[str, Any] = spec_of(app)["components"]["schemas"]
    for name in re.findall(r"#/components/schemas/([\w.]+)", text):
        assert name in names
    for schema in names.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_answers_are_what_the_document_says(app: APIFlask, stand: Stand) -> None:
    body = stand.confirmed(note="x")
    spec = spec_of(app)
    place = f"/api/v1/reservations/{body['id']}"
    header = {"Manage-Token": body["manage_token"]}
    day = stand.start()[:10]
    for name, answer in {
        "RequestedOut": body,
        "ReservationOut": stand.client.get(place, headers=header).json,
        "RestaurantOut": stand.client.get("/api/v1/restaurants/demo").json,
        "AvailabilityOut": stand.client.get(
            f"/api/v1/restaurants/demo/availability?date={day}&party_size=2"
        ).json,
        "Problem": stand.client.get(place).json,
    }.items():
        schema = {"$ref": f"#/components/schemas/{name}", "components": spec["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer)


def test_the_docs_page_needs_no_other_server(client: Client) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert links
    for link in links:
        assert link.startswith("/")
        assert client.get(link, buffered=True).status_code == 200, link
    assert "<script>" not in page.text
    assert client.get("/docs/assets/..%2f__init__.py").status_code == 404
    assert client.get("/docs/assets/index.html").status_code == 404


def test_every_answer_has_its_security_headers(client: Client) -> None:
    for place in ("/healthz", "/api/v1/nothing", "/docs", "/"):
        headers = client.get(place).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert (headers.get("X-Frame-Options") == "DENY") == (place in ("/docs", "/"))
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


VARIANTS = (
    "/metrics", "/metrics/", "/metrics%2f", "/metrics?x", "/readyz", "/readyz/", "/readyz%2F",
    "/%6detrics",
)  # fmt: skip


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Forwarded-Host"])
@pytest.mark.parametrize("path", VARIANTS)
def test_monitoring_paths_are_404_through_a_proxy(client: Client, header: str, path: str) -> None:
    answer = client.get(path, headers={header: "192.0.2.1"})
    assert answer.status_code == 404
    assert "maitred_" not in answer.text and "migrations" not in answer.text
    assert client.get(path).status_code in (200, 404, 503)


def test_a_token_opens_it_through_a_proxy(
    client: Client, service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = {"X-Forwarded-For": "192.0.2.1"}
    for sent in ({}, {"Authorization": "Bearer "}, {"Authorization": "Basic Og=="}):
        assert client.get("/metrics", headers=outside | sent).status_code == 404
    surroundings.settle(monkeypatch, service_env | {"METRICS_TOKEN": "for-who-watches"})
    for token, status in (("for-who-watches", 200), ("for-who-watcheS", 404), ("", 404)):
        sent = {"Authorization": f"Bearer {token}"}
        assert client.get("/metrics", headers=outside | sent).status_code == status
    assert client.get("/metrics").status_code == 200


def test_metrics_are_made_once_a_second_for_all_callers(
    client: Client,
    query_counter: Callable[[], Any],
    kept_seconds: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(metrics, "KEPT_SECONDS", kept_seconds)
    monkeypatch.setattr(metrics, "clock", lambda: now[0])
    client.get("/metrics")
    with query_counter() as statements:
        for _ in range(20):
            assert client.get("/metrics").status_code == 200
        now[0] += 0.9
        client.get("/metrics")
    assert statements.count == 0
    now[0] += 0.1
    with query_counter() as statements:
        client.get("/metrics")
    assert statements.count > 0


def test_metrics_count_by_route_and_status(stand: Stand) -> None:
    stand.ask()
    stand.client.get("/api/v1/restaurants/nowhere")
    answer = stand.client.get("/metrics")
    assert answer.mimetype == "text/plain"
    route = "/api/v1/restaurants/<slug:slug>"
    assert f'method="POST",route="{route}/reservations",status="202"' in answer.text
    assert f'method="GET",route="{route}",status="404"' in answer.text
    assert "maitred_http_request_seconds_bucket" in answer.text
    assert "nowhere" not in answer.text


@pytest.fixture
def migrated(db: Engine) -> Engine:
    """The database, marked as migrated."""
    with db.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{migrations.head()}')")
    return db


def test_ready_means_migrated_and_with_redis(
    migrated: Engine, redis: RedisServer, client: Client
) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200, answer.text
    assert answer.json["status"] == "ready"
    assert answer.json["database"] == "up"
    assert answer.json["redis"] == "up"
    assert answer.json["migrations"]["found"] == answer.json["migrations"]["wanted"]
    assert answer.json["migrations"]["is"] == "current"


@pytest.mark.parametrize(
    ("found", "stands", "status"), [("0001", "behind", 503), ("9999", "ahead", 200)]
)
def test_ready_on_the_schema_of_a_later_release_but_not_of_an_earlier(
    migrated: Engine, redis: RedisServer, client: Client, found: str, stands: str, status: int
) -> None:
    with migrated.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{found}'")
    answer = client.get("/readyz")
    assert answer.status_code == status
    assert (answer.json["migrations"]["found"], answer.json["migrations"]["is"]) == (found, stands)


def test_without_redis_the_restaurant_is_degraded_and_open(
    migrated: Engine, client: Client
) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["status"] == "degraded"
    assert answer.json["redis"] == "gone"


def test_a_database_that_is_not_migrated_is_not_ready(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json["status"] == "not ready"


def test_readiness_tells_what_the_last_health_sweep_found(
    migrated: Engine, redis: RedisServer, client: Client
) -> None:
    found = {"well": False, "late": ["requests"]}
    with transaction(migrated) as session:
        record_job(session, "health", started=clock.now(), ended=clock.now(), result=found)
        lead(session, "scheduler", holder="x", now=clock.now(), seconds=30)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json["status"] == "degraded"
    assert answer.json["health"] == found


@pytest.mark.mariadb
def test_a_lost_database_is_503_and_comes_back(
    mariadb: MariaDB, service_env: dict[str, str], app: APIFlask, restaurant: Callable[..., object]
) -> None:
    restaurant()
    client: Client = app.test_client()
    place = "/api/v1/restaurants/demo"
    assert client.get(place).status_code == 200
    mariadb.kill()
    try:
        gone = client.get(place)
        assert gone.status_code == 503
        assert gone.json["code"] == "unavailable"
        assert gone.headers["Retry-After"] == "2"
        day = clock.now().date().isoformat()
        page = client.get(f"/book/demo?date={day}&party_size=2")
        assert page.status_code == 503
        assert page.mimetype == "text/html"
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
    finally:
        mariadb.start()
    surroundings.forget_everything()
    assert client.get(place).status_code == 200
