"""Measure, and print ratios: `python -m tests.bench [scenario ...]`."""

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from celery import Celery
from sqlalchemy import Engine, text

from models.rules.restaurant.restaurant import RestaurantSpec
from tests.bench import restaurants as made
from tests.bench.ground import BIN, Ground, ground, settle
from tests.bench.load import Loaded, drip, percentile, press
from tests.services.counting import counting
from tests.services.running.process import wait_until

LANES = 4
NOOPS = 8_000
#: No-op tasks per second where the design's figures were measured: 50/s there is less here.
DESIGN_NOOP = 1_400


def _count(bind: Engine, where: str) -> int:
    with bind.connect() as connection:
        return int(connection.execute(text(f"SELECT COUNT(*) FROM {where}")).scalar_one())


def _wait_empty(bind: Engine, *, seconds: float = 120) -> None:
    waits = "reservations WHERE status='requested'"
    wait_until(lambda: not _count(bind, waits), seconds=seconds, what="every request decided")


def _newest(bind: Engine) -> int:
    with bind.connect() as connection:
        return int(connection.scalar(text("SELECT COALESCE(MAX(id), 0) FROM reservations")) or 0)


def _delays(bind: Engine, after: int) -> list[float]:
    query = text(
        "SELECT TIMESTAMPDIFF(MICROSECOND, created_at, decided_at)/1000.0 FROM reservations "
        "WHERE id > :after AND decided_at IS NOT NULL"
    )
    with bind.connect() as connection:
        return [float(value) for value in connection.scalars(query, {"after": after})]


def measure_noop(bench: Ground) -> float:
    """No-op Celery tasks per second: prefork -c 2, results ignored."""
    app = Celery("noop", broker=bench.redis.url)
    app.conf.task_ignore_result = True
    with app.producer_pool.acquire(block=True) as producer:
        for number in range(NOOPS):
            app.send_task("noop", args=[number], queue="noop", producer=producer)
    worker = bench.start(
        "noop", BIN / "celery", "-A", "tests.bench.noop:app", "worker", "--pool=prefork",
        "--concurrency=2", "--queues=noop", "--loglevel=WARNING", "--without-gossip",
        "--without-mingle",
    )  # fmt: skip
    client, marks = bench.redis.client(), {}
    while (left := client.llen("noop")) > 0 and worker.is_running:
        for share in (0.9, 0.1):
            if left <= NOOPS * share and share not in marks:
                marks[share] = (time.perf_counter(), left)
        time.sleep(0.002)
    bench.stop("noop")
    (began, more), (ended, less) = marks[0.9], marks[0.1]
    return (more - less) / (ended - began)


def start_workers(bench: Ground) -> None:
    """Start two allocation workers."""
    for number in (1, 2):
        bench.start_worker(f"allocation-{number}", "allocation")
    settle(3)


def _nudge_all() -> None:
    from tasks.nudges import nudge_lane  # noqa: PLC0415 - after the environment is set

    for lane in range(LANES):
        nudge_lane(lane)


def measure_backlog(bench: Ground, bind: Engine, source: made.Wishes, count: int) -> float:
    """Decisions per second of an existing backlog."""
    made.fill(bind, source, count)
    settle()
    began = time.perf_counter()
    _nudge_all()
    _wait_empty(bind)
    return count / (time.perf_counter() - began)


def measure_http(
    bench: Ground, bind: Engine, source: made.Wishes, count: int, connections: int
) -> tuple[Loaded, float, list[float], dict[str, float]]:
    """Load over HTTP until everything is decided: answers, decisions per second, delays, CPU."""
    wires = [source.post(number).wire() for number in range(count)]
    first = _newest(bind)
    before, began = bench.cpu(), time.perf_counter()
    loaded = press(bench.port, wires, connections=connections)
    left = _count(bind, "reservations WHERE status='requested'")
    _wait_empty(bind)
    rate = count / (time.perf_counter() - began)
    after = bench.cpu()
    spent = {name: (after[name] - before[name]) / count * 1e3 for name in after}
    print(f"    still waiting when the last answer came: {left}")
    return loaded, rate, _delays(bind, first), spent


def _by_process(spent: dict[str, float]) -> str:
    return " ".join(f"{who} {value:.2f}" for who, value in spent.items() if value > 0.005)


def show_http(
    name: str, noop: float, found: tuple[Loaded, float, list[float], dict[str, float]]
) -> None:
    loaded, rate, delays, spent = found
    print(
        f"{name}: {rate:,.0f}/s = {rate / noop:.2f} x no-op; accepted -> decided "
        f"p50 {percentile(delays, 0.5):.1f} ms, p99 {percentile(delays, 0.99):.1f} ms; "
        f"answers {loaded.statuses}, p99 {percentile(loaded.latencies, 0.99) * 1e3:.0f} ms\n"
        f"    CPU {sum(spent.values()):.2f} ms a reservation ({_by_process(spent)})"
    )


def measure_steady(bench: Ground, bind: Engine, source: made.Wishes, rate: int) -> None:
    """So many requests per second for 20 s, with messages sent to an SMTP server."""
    count = rate * 20
    with bind.begin() as connection:  # otherwise the other scenarios' messages would be sent first
        connection.execute(text("DELETE FROM messages"))
    bench.start_worker("messages", "messages", "maintenance")
    settle(3)
    first, before = _newest(bind), bench.cpu()
    drip(bench.port, [source.post(number).wire() for number in range(count)], rate=rate)
    _wait_empty(bind)
    ends = time.monotonic() + 30
    told = (
        "messages WHERE channel='email' AND kind<>'reminder' AND state='queued' "
        f"AND reservation_id > {first}"
    )
    while _count(bind, told) and time.monotonic() < ends:
        time.sleep(0.1)
    after = bench.cpu()
    spent = {name: (after[name] - before[name]) / count * 1e3 for name in after}
    delays = _delays(bind, first)
    query = text(
        "SELECT TIMESTAMPDIFF(MICROSECOND, r.decided_at, m.sent_at)/1000.0 FROM messages m "
        "JOIN reservations r ON r.id=m.reservation_id WHERE r.id > :first "
        "AND m.channel='email' AND m.kind<>'reminder' AND m.state='sent'"
    )
    with bind.connect() as connection:
        sent = [float(value) for value in connection.scalars(query, {"first": first})]
    print(
        f"steady {rate}/s: accepted -> decided p50 {percentile(delays, 0.5):.1f} ms, "
        f"p99 {percentile(delays, 0.99):.1f} ms; decided -> SMTP ({len(sent)} mails) "
        f"p50 {percentile(sent, 0.5):.0f} ms, p99 {percentile(sent, 0.99):.0f} ms\n"
        f"    CPU {sum(spent.values()):.2f} ms a reservation ({_by_process(spent)})"
    )
    bench.stop("messages")


def measure_post(bench: Ground, bind: Engine, source: made.Wishes) -> None:
    """POST to 202 beside a bare one-row insert on the same server, without deciding workers."""
    bench.stop("allocation-1", "allocation-2")
    wires = [source.post(number).wire() for number in range(3000)]
    ours = press(bench.port, wires, connections=16)
    bench.stop("web")
    with bind.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE IF NOT EXISTS bare "
                "(id BIGINT AUTO_INCREMENT PRIMARY KEY, body TEXT, at DATETIME(6))"
            )
        )
    bench.start_web("tests.bench.bare:app")
    bare = press(
        bench.port,
        [wire.replace(wire.split(b" ")[1], b"/bare", 1) for wire in wires],
        connections=16,
    )
    bench.stop("web")
    bench.start_web()
    start_workers(bench)
    print(
        f"POST -> 202: {ours.rate:,.0f}/s beside a bare insert's {bare.rate:,.0f}/s = "
        f"{ours.rate / bare.rate:.2f}; answers {ours.statuses}"
    )


def measure_availability(bind: Engine) -> None:
    """Queries and time of availability for 10, 60, 100 and 1,000 tables."""
    from models.core.clock import now  # noqa: PLC0415
    from models.core.database.transactions import reading  # noqa: PLC0415
    from models.queries.floor.load import restaurant_by_slug  # noqa: PLC0415
    from tests.services.running.offers import availability  # noqa: PLC0415

    for count in (10, 60, 100, 1000):
        made.make_restaurants(bind, 1, each=count, prefix=f"tables{count}-")
        day = datetime.now(UTC).date() + timedelta(days=5)
        took = []
        for _ in range(20):
            with counting(bind) as statements, reading() as session:
                began = time.perf_counter()
                restaurant = restaurant_by_slug(session, f"tables{count}-0")
                found = availability(session, restaurant, on_date=day, party_size=4, now=now())
                took.append(time.perf_counter() - began)
        print(
            f"availability, {count} tables: {statements.count} queries, "
            f"{percentile(took, 0.5) * 1e3:.2f} ms, {len(found)} starts"
        )


def show_profiles(bind: Engine, many: list[RestaurantSpec]) -> None:
    """Profile requests and decisions."""
    from tests.bench.profile import profile_decisions, profile_requests  # noqa: PLC0415
    from web.app import create_app  # noqa: PLC0415

    source = made.wishes(many, days=30, label="profiled")
    profile_requests(create_app(), [source.post(number) for number in range(500)])
    _wait_empty(bind)
    profile_decisions(bind, made.wishes(many, days=30, label="unseen"), 2000, LANES)


def main() -> None:
    """Run the named scenarios (all without names)."""
    chosen = set(sys.argv[1:])

    def wanted(name: str) -> bool:
        return not chosen or name in chosen

    with ground() as bench:
        os.environ.update(bench.env)
        noop = measure_noop(bench)
        print(f"no-op Celery task, prefork -c 2: {noop:,.0f}/s")
        from models.core.database.transactions import engine  # noqa: PLC0415 - after the environment is set

        bind = engine()
        one = made.make_restaurants(bind, 1, prefix="one")
        backlog_restaurant = made.make_restaurants(bind, 1, prefix="backlog")
        many = made.make_restaurants(bind, 500 if wanted("spread") else 50)
        start_workers(bench)
        bench.start_web()
        scenarios: list[tuple[str, Callable[[], None]]] = [
            ("backlog", lambda: _backlogs(bench, bind, noop, backlog_restaurant, many)),
            ("spread", lambda: _spread(bench, bind, noop, many)),
            ("one", lambda: _one(bench, bind, noop, one)),
            ("steady", lambda: _steady(bench, bind, noop, many)),
            ("post", lambda: measure_post(bench, bind, made.wishes(many, days=30, label="post"))),
            ("availability", lambda: measure_availability(bind)),
            ("profile", lambda: show_profiles(bind, many)),
        ]
        for name, run in scenarios:
            if wanted(name):
                run()
                settle()


def _backlogs(
    bench: Ground, bind: Engine, noop: float, one: list[RestaurantSpec], many: list[RestaurantSpec]
) -> None:
    rate = measure_backlog(bench, bind, made.wishes(one, days=1, label="back"), 5000)
    print(f"backlog of 5,000 for one book: {rate:,.0f}/s = {rate / noop:.1f} x no-op")
    rate = measure_backlog(bench, bind, made.wishes(many, days=30, label="wide"), 8000)
    print(
        f"backlog of 8,000 over {len(many)} x 30 books: {rate:,.0f}/s = {rate / noop:.1f} x no-op"
    )


def _spread(bench: Ground, bind: Engine, noop: float, many: list[RestaurantSpec]) -> None:
    source = made.wishes(many, days=30, label="spread")
    measure_http(bench, bind, made.wishes(many, days=30, label="warm"), 500, 16)
    show_http("HTTP, spread, 16 connections", noop, measure_http(bench, bind, source, 6000, 16))


def _steady(bench: Ground, bind: Engine, noop: float, many: list[RestaurantSpec]) -> None:
    for rate in (50, max(1, round(50 * noop / DESIGN_NOOP))):
        source = made.wishes(many, days=30, label=f"steady{rate}-")
        measure_steady(bench, bind, source, rate)


def _one(bench: Ground, bind: Engine, noop: float, one: list[RestaurantSpec]) -> None:
    source = made.wishes(one, days=1, label="single")
    show_http("HTTP, one book, 64 connections", noop, measure_http(bench, bind, source, 5000, 64))


if __name__ == "__main__":
    main()
