"""A profile (CPU only) of requests and of decisions, in one process."""

import cProfile
import io
import os
import pstats
import time
from collections.abc import Callable

from flask import Flask
from sqlalchemy import Engine

from models.core import clock
from models.core.database.transactions import unit
from models.operations.deciding.allocation import decide_waiting
from tests.bench import restaurants as made
from tests.bench.load import Post

LINES = 14


def profile(what: str, count: int, work: Callable[[], None]) -> None:
    """Run `work` under the profiler, and print its costliest functions by their own CPU time."""
    profiler = cProfile.Profile(time.process_time)
    profiler.enable()
    work()
    profiler.disable()
    text = io.StringIO()
    stats = pstats.Stats(profiler, stream=text).strip_dirs().sort_stats("tottime")
    stats.print_stats(LINES)
    table = text.getvalue().partition("ncalls")[2]
    print(f"profile of {what} (CPU of {count}, by own time):\n    ncalls{table.rstrip()}\n")


def profile_decisions(bind: Engine, source: made.Wishes, count: int, lanes: int) -> None:
    """Profile rounds of decisions over a backlog."""
    made.fill(bind, source, count)

    def drain() -> None:
        for lane in range(lanes):
            while unit(
                lambda session, lane=lane: decide_waiting(  # type: ignore[misc]
                    session, lane, now=clock.now(), limit=1000
                )
            ).more:
                pass

    profile("decisions", count, drain)


def profile_requests(app: Flask, posts: list[Post]) -> None:
    """Profile POST to 202 through the whole application, without a server."""
    client = app.test_client()

    def send() -> None:
        for post in posts:
            answer = client.post(post.path, json=post.body, headers={"Idempotency-Key": post.key})
            assert answer.status_code == 202, (os.getpid(), answer.text)

    profile("POST to 202", len(posts), send)
