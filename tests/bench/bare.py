"""A bare endpoint that inserts one row and commits: the upper bound of the same server."""

import os

import orjson
from flask import Flask, Response, request
from sqlalchemy import text

from models.core.database.transactions import engine

app = Flask("bare")
_INSERT = text("INSERT INTO bare (body, at) VALUES (:body, UTC_TIMESTAMP(6))")


@app.get("/healthz")
def healthz() -> Response:
    return Response(b"{}")


@app.post("/bare")
def bare() -> Response:
    """Insert one row and commit."""
    with engine().begin() as connection:
        made = connection.execute(_INSERT, {"body": request.get_data().decode()})
    body = orjson.dumps({"id": made.lastrowid, "process": os.getpid()})
    return Response(body, status=202, mimetype="application/json")
