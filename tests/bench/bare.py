"""A bare endpoint that inserts one row and commits: what the same server can do at most."""

import os

import orjson
from flask import Flask, Response, request
from sqlalchemy import text

from models.core.database.transactions import engine

app = Flask("bare")
_INSERT = text("INSERT INTO bare (body, at) VALUES (:body, UTC_TIMESTAMP(6))")


@app.get("/healthz")
def healthz() -> Response:
    """Alive."""
    return Response(b"{}")


@app.post("/bare")
def bare() -> Response:
    """One row, one commit."""
    with engine().begin() as connection:
        made = connection.execute(_INSERT, {"body": request.get_data().decode()})
    body = orjson.dumps({"id": made.lastrowid, "process": os.getpid()})
    return Response(body, status=202, mimetype="application/json")
