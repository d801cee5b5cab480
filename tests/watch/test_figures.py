"""Each figure of each dashboard equals that of the rows it claims to show; none is empty."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select

from deploy.watch.dashboards import DASHBOARDS
from deploy.watch.make import FOLDER
from deploy.watch.objectives import recording_rules
from deploy.watch.panels import dashboard
from models.core import clock
from models.core.database.transactions import reading
from models.entities import JobRun, Message, Reservation
from models.queries.running.health import read_health
from models.rules.flags import ALL, Flag
from tasks.backups.manifest import MANIFEST, PIECE
from tasks.metrics import _SECONDS as SECONDS
from tests.services import plan
from tests.services.running.process import wait_until
from tests.services.servers.prometheus import Prometheus
from tests.watch import evening
from tests.watch.evening import Known, known_evening, play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
#: A figure: an exact value, or a range.
Figure = float | tuple[float, float]
#: Label values, ordered by label name -> figure. Figures of 0 may be left out.
Figures = dict[tuple[str, ...], Figure]
Said = Callable[[Known], Figures]
_RATE = re.compile(r"\b(?:rate|increase)\((\w+(?:\{[^}]*\})?)\[\w+\]\)")
#: Seconds from the time in a row to its count, at most, on a busy machine.
AFTER_COMMIT = 0.9
#: Seconds for which the web process caches its metrics.
KEPT_SECONDS = 1.0
#: Seconds by which a figure may be older than the query of the rows.
OLD = 4.0


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    with known_evening(tmp_path_factory.mktemp("known")) as made:
        yield made


@pytest.fixture(scope="module")
def prometheus(known: Known, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has scraped the whole evening every second, with the real rules."""
    rules = (FOLDER / "rules" / "maitred.yml").read_text(encoding="utf-8")
    often = re.sub(r"^(\s*interval:) \S+$", r"\1 1s", rules, flags=re.MULTILINE)
    jobs = {"web": [known.stack.port], "workers": list(known.stack.metrics_ports.values())}
    made = Prometheus(tmp_path_factory.mktemp("prometheus"), often, jobs)
    made.start()
    play(known)
    # each process was scraped after the end, and after its one-second cache had expired
    ended = clock.now().timestamp() + KEPT_SECONDS + 1
    looked = "min(timestamp(up))"
    wait_until(lambda: made.ask(looked)[0][1] > ended, seconds=60, what="a look at all of it")
    yield made
    made.stop()


# --- figures from the rows


def outcomes(known: Known, *, times: float = 1) -> Figures:
    """Return the first outcomes. Later statuses were set directly in the database."""
    first = "SELECT after, COUNT(*) FROM reservation_moves WHERE `before` = 'requested' GROUP BY 1"
    with known.stack.engine.connect() as connection:
        rows = connection.exec_driver_sql(first).all()
    return {(row[0],): row[1] * times for row in rows}


def messages(known: Known, *columns: Any, times: float = 1) -> Figures:
    """Return the numbers of finished messages, by these columns."""
    query = select(*columns, func.count()).where(Message.state.in_(("sent", "skipped")))
    if Message.state not in columns:
        query = query.where(Message.state == "sent")
    with known.stack.engine.connect() as connection:
        rows = connection.execute(query.group_by(*columns)).all()
    return {tuple(map(str, row[:-1])): row[-1] * times for row in rows}


def retried(known: Known, *, times: float = 1) -> Figures:
    query = select(func.sum(Message.attempts)).where(Message.state == "queued")
    with known.stack.engine.connect() as connection:
        attempts = float(connection.scalar(query) or 0)
    assert attempts >= evening.REFUSED
    return {("email", "retried"): attempts * times}


def seconds_of(known: Known, since: Any, until: Any, *where: Any) -> list[float]:
    query = select(since, until).where(until.is_not(None), *where)
    with known.stack.engine.connect() as connection:
        return sorted((row[1] - row[0]).total_seconds() for row in connection.execute(query))


def quantile_of(values: Iterable[float], part: float, bounds: Iterable[float]) -> Figure:
    """Return the range in which a histogram with these bounds places that quantile of the rows.

    The histogram counts after the commit, a moment later than the time in the row.
    """
    there, limits = sorted(values), [0.0, *map(float, bounds)]
    true = there[max(0, math.ceil(part * len(there)) - 1)]
    least = max(limit for limit in limits if limit <= true)
    return least, min(limit for limit in limits if limit >= true + AFTER_COMMIT)


def decided_within(known: Known, part: float) -> Figures:
    row = Reservation
    return {(): quantile_of(seconds_of(known, row.created_at, row.decided_at), part, SECONDS)}


def told_within(known: Known) -> Figures:
    row = Message
    return {
        (channel,): quantile_of(
            seconds_of(known, row.created_at, row.sent_at, row.channel == channel), 0.99, SECONDS
        )
        for channel in ("email", "sms")
    }


def waiting(known: Known) -> Figures:
    return {("requests",): evening.WAITING}


def oldest(known: Known) -> Figures:
    query = select(func.min(Reservation.created_at)).where(Reservation.status == "requested")
    with known.stack.engine.connect() as connection:
        since = connection.scalar(query)
    assert since is not None
    age = (clock.now() - since).total_seconds()
    return {("requests",): (age - OLD, age + OLD)}


def late(known: Known) -> list[str]:
    with reading(known.stack.engine) as session:
        found = read_health(session, now=clock.now())
    return [each.name for each in found.jobs if each.is_late] + [
        each.kind for each in found.waiting if each.is_late
    ]


def tonight(known: Known, *, guests: bool = False) -> Figures:
    return {
        (str(status),): sum(sizes) if guests else len(sizes) for status, sizes in evening.TONIGHT
    }


def jobs(known: Known, *names: str) -> list[JobRun]:
    with reading(known.stack.engine) as session:
        rows = list(session.scalars(select(JobRun)))
        session.expunge_all()
    return (
        [row for row in rows if not row.name.startswith("store.")]
        if not names
        else [row for row in rows if row.name in names]
    )


def since_success(known: Known, *names: str) -> Figures:
    ages = {
        (row.name,): (clock.now() - row.last_success).total_seconds()
        for row in jobs(known, *names)
        if row.last_success
    }
    return {name: (age - OLD, age + OLD) for name, age in ages.items()}


def failing(known: Known, *names: str) -> Figures:
    return {(row.name,): float(row.last_error is not None) for row in jobs(known, *names)}


BACKUPS = ("backup", "drill")


def backup_age(known: Known) -> Figures:
    (manifest,) = known.kept.glob(f"*{MANIFEST}")
    age = clock.now().timestamp() - manifest.stat().st_mtime
    # the age of the backed-up state, which is a moment older than its file
    kind = manifest.name.split("-")[1]
    return {(kind, "first"): (age - OLD, age + 2 * OLD)}


def backup_size(known: Known) -> Figures:
    return {("first",): sum(piece.stat().st_size for piece in known.kept.glob(f"*{PIECE}"))}


def took(known: Known) -> Figures:
    return {(row.name,): (row.duration_ms or 0) / 1000 for row in jobs(known, *BACKUPS)}


def no_show(known: Known) -> Figures:
    there = Counter({str(status): len(sizes) for status, sizes in evening.TONIGHT})
    came_or_not = there["no_show"] + there["seated"] + there["finished"]
    return {(): there["no_show"] / came_or_not}


def flags(known: Known) -> Figures:
    return {(flag.value,): 30.0 if flag == Flag.EXACT_SEATING else ALL for flag in Flag}


def answers(known: Known) -> Figures:
    return {(status,): count for status, count in known.answers.items()}


def all_of(figure: Callable[[Known], Figure]) -> Said:
    return lambda known: {(): figure(known)}


def every(least: float, most: float) -> Said:
    """Expect a value in this range for every series."""
    return lambda known: {("*",): (least, most)}


def version(figure: Callable[[Known], Figure]) -> Said:
    return lambda known: {(evening.RELEASE,): figure(known)}


def share_of_errors(known: Known) -> float:
    return known.answers["503"] / known.answers.total()


def slow(known: Known) -> tuple[float, float]:
    # the server's share of the slowest caller's wait, in the bucket above it
    return 0.0, max(2.5 * known.slowest, 0.01)


def late_decisions(known: Known) -> float:
    values = seconds_of(known, Reservation.created_at, Reservation.decided_at)
    return sum(value > 2 for value in values) / len(values)


def late_messages(known: Known) -> float:
    values = seconds_of(known, Message.created_at, Message.sent_at)
    return sum(value > 60 for value in values) / len(values)


#: (dashboard, panel) -> the expected figures of each of its queries.
EXPECTED: Mapping[tuple[str, str], tuple[Said, ...]] = {
    ("tonight", "Overdue"): (
        all_of(lambda known: len(late(known))),
        lambda known: {(name,): 1.0 for name in late(known)},
    ),
    ("tonight", "Waiting for an answer or a message"): (waiting,),
    ("tonight", "Answers a minute"): (partial(outcomes, times=60),),
    ("tonight", "From request to answer"): (
        partial(decided_within, part=0.5),
        partial(decided_within, part=0.99),
    ),
    ("tonight", "Messages a minute"): (
        lambda known: (
            messages(known, Message.channel, Message.state, times=60) | retried(known, times=60)
        ),
    ),
    ("tonight", "From answer to message, 99%"): (told_within,),
    ("requests", "Answers by status"): (answers,),
    ("requests", "Server errors by route"): (
        lambda known: {("/api/v1/restaurants/<slug:slug>/reservations",): known.answers["503"]},
    ),
    ("requests", "99% within, by route"): (lambda known: {("*",): slow(known)},),
    ("requests", "Availability from the cache"): (
        lambda known: {(key,): n / known.looks.total() for key, n in known.looks.items()},
    ),
    ("requests", "Share of bad events against the objectives, an hour"): (
        all_of(share_of_errors),
        all_of(late_decisions),
        all_of(late_messages),
    ),
    ("queues", "Age of the oldest waiting row"): (oldest,),
    ("queues", "Tasks a second"): (lambda known: {("success", evening.TASK): known.tasks},),
    ("queues", "Tasks, 99% within"): (every(0, 5),),
    ("queues", "Re-seating searches, an hour"): (
        lambda known: {("chain",): 3600.0, ("none",): 3600.0},
        all_of(lambda known: 3600.0),
    ),
    ("queues", "Steps of a search, 99%"): (all_of(lambda known: (0.0, 100.0)),),
    ("queues", "Answers in one round, 99%"): (all_of(lambda known: (5.0, 10.0)),),
    ("queues", "Since a job's last success"): (since_success,),
    ("queues", "Failing jobs"): (failing,),
    ("messages", "Duration of a provider's answer, 99%"): (every(0, 5),),
    ("messages", "Refused by the provider"): (retried,),
    ("messages", "Sent an hour, by kind"): (
        lambda known: messages(known, Message.kind, times=3600),
    ),
    ("releases", "Processes by version"): (version(lambda known: 1.0),),
    ("releases", "Answers a second by version"): (
        version(lambda known: float(known.answers.total())),
    ),
    ("releases", "Share of server errors by version"): (version(share_of_errors),),
    ("releases", "95% within, by version"): (version(slow),),
    ("backups", "Age of the newest backup"): (backup_age,),
    ("backups", "Since last success, by job"): (lambda known: since_success(known, *BACKUPS),),
    ("backups", "Duration by job"): (took,),
    ("backups", "Size of all backups"): (backup_size,),
    ("backups", "Backups"): (lambda known: {("first",): 1.0},),
    ("backups", "Damaged manifests"): (lambda known: {("first",): 0.0},),
    ("backups", "Failing"): (lambda known: failing(known, *BACKUPS),),
    ("business", "Guests within twelve hours, before and after"): (partial(tonight, guests=True),),
    ("business", "Parties"): (tonight,),
    ("business", "Answers a day"): (outcomes,),
    ("business", "Share of no-shows"): (no_show,),
    ("installation", "Database"): (all_of(lambda known: 1.0),),
    ("installation", "Redis"): (all_of(lambda known: 1.0),),
    ("installation", "Database connections in use, share of the maximum"): (every(0, 1),),
    ("installation", "Flags"): (flags,),
}
PANELS = [(name, panel) for name, one in DASHBOARDS.items() for panel in one[1]]


def test_every_panel_has_its_figures() -> None:
    assert [(name, panel.title) for name, panel in PANELS] == list(EXPECTED)
    assert [len(panel.targets) for _, panel in PANELS] == [*map(len, EXPECTED.values())]


def test_every_query_is_of_the_chosen_environments() -> None:
    for name, one in DASHBOARDS.items():
        made = dashboard(name, *one)
        assert made["templating"]["list"][0]["name"] == "namespace"
        for panel in made["panels"]:
            for target in panel["targets"]:
                asked = re.findall(r"\bmaitred[_:][\w:]*.{24}", target["expr"])
                assert asked
                assert all('{namespace=~"$namespace"' in each for each in asked), asked


def queries(name: str, title: str) -> list[str]:
    (panel,) = (
        each for each in dashboard(name, *DASHBOARDS[name])["panels"] if each["title"] == title
    )
    return [target["expr"].replace("$namespace", ".*") for target in panel["targets"]]


def over_all(expr: str) -> str:
    """Replace rates by the totals since the processes began."""
    for rule in recording_rules():
        expr = expr.replace(f'{rule["record"]}{{namespace=~".*"}}', f"({rule['expr']})")
    return _RATE.sub(r"\1", expr)


def shown(prometheus: Prometheus, query: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(labels[key] for key in sorted(labels)): value
        for labels, value in prometheus.ask(query)
    }


def wrong(known: Known, prometheus: Prometheus, name: str, title: str) -> Iterator[str]:
    """Yield differences between a panel and the rows."""
    for query, said in zip(queries(name, title), EXPECTED[name, title], strict=True):
        if not prometheus.ask(query):
            yield f"{name}, {title}: no data: {query}"
        found, wanted = shown(prometheus, over_all(query)), said(known)
        if ("*",) in wanted:
            wanted = dict.fromkeys(found, wanted["*",])
        if title == "Tasks a second":
            # other tasks were started by the scheduler before it was stopped
            found = {key: value for key, value in found.items() if key in wanted}
        for key in found.keys() | wanted.keys():
            is_there, should = found.get(key, 0.0), wanted.get(key, 0.0)
            least, most = should if isinstance(should, tuple) else (should, should)
            if not least - 1e-6 <= is_there <= most + 1e-6:
                yield f"{name}, {title}, {key}: {is_there} is shown for {should}"


@pytest.mark.mariadb
def test_each_figure_is_that_of_the_rows(known: Known, prometheus: Prometheus) -> None:
    found = [line for each in EXPECTED for line in wrong(known, prometheus, *each)]
    assert not found, "\n".join(found)
    said = f"{len(EXPECTED)} panels, each figure that of its rows"
    plan.prove(line="metrics", target="hosts", how="seen", figure=said)
    plan.prove(line="metrics", target="compose", how="rehearsed", figure=said)
