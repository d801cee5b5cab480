"""A response sent before the body was read announces that the connection closes."""

import httpx
import pytest
from apiflask import APIFlask
from sqlalchemy import Engine

from tests.services.running.stack import Stack
from web.app import create_app


@pytest.fixture
def app(db: Engine) -> APIFlask:
    return create_app()


def test_an_answer_without_reading_ends_the_connection(app: APIFlask) -> None:
    client = app.test_client()
    assert client.post("/api/v1/nothing", json={"a": 1}).headers["Connection"] == "close"
    chunked = {"Transfer-Encoding": "chunked"}
    assert client.post("/api/v1/nothing", headers=chunked).headers["Connection"] == "close"


def test_an_answer_after_reading_keeps_it(app: APIFlask) -> None:
    client = app.test_client()
    read = client.post("/api/v1/auth/sign-in", json={"email": "a@example.com", "password": "x"})
    assert read.status_code == 401
    assert "Connection" not in read.headers
    assert "Connection" not in client.get("/healthz").headers
    assert "Connection" not in client.post("/api/v1/nothing").headers


def test_the_web_server_says_so(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url) as client:
        for _ in range(20):
            answer = client.post("/api/v1/nothing", json={"a": "b" * 2000})
            assert answer.status_code == 404
            assert answer.headers["Connection"] == "close"
