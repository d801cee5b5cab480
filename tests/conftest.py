"""Fixtures for every test: databases, Redis, mail, a restaurant, the running stack."""

import os
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine, NullPool, create_engine

from tests.services import missing, plan
from tests.services.running import surroundings

# `tasks.app` reads the settings when it is imported, so there have to be some before collection.
os.environ.update(
    surroundings.environment(Path("var/tests"), database_url="sqlite:////proc/nowhere")
)

from models.core.database import transactions as core_db
from models.operations.accounts import accounts
from tests.services.counting import Statements, counting
from tests.services.running.compiled import COMPILED
from tests.services.running.restaurant import OpenRestaurant, open_restaurant
from tests.services.running.schema import create_tables, delete_rows, sqlite_template
from tests.services.running.stack import Stack
from tests.services.running.stacks import open_stack
from tests.services.servers.mailbox import Mailbox
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.mysql import MySQL
from tests.services.servers.redis import RedisServer
from web.metrics import requests as metrics

DATABASE = "tests"
#: what differs between the databases is tested beneath these; on MariaDB they are slow tests
EDGES = tuple(Path(__file__).parent / name for name in ("api", "e2e", "deploy/cli"))
# how fast an example is depends on the machine; in CI, Hypothesis has such a profile itself
settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
if settings.get_current_profile_name() == "default":
    settings.load_profile("any-machine")
# Argon2id at its lowest cost: hundreds of tests sign in only to test something else
vars(accounts)["PasswordHasher"] = partial(
    PasswordHasher, time_cost=1, memory_cost=64, parallelism=1
)
# tests read the metrics immediately after acting
_KEPT_SECONDS = metrics.KEPT_SECONDS
vars(metrics)["KEPT_SECONDS"] = 0.0
REPORT = pytest.StashKey[pytest.TestReport]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--durable` and `--mysql`.

    `--durable`: MariaDB with durable commits and a binary log, as in production. `--mysql`: tests
    that use MariaDB run on MySQL, and tests/mysql is collected too.
    """
    parser.addoption("--durable", action="store_true", help="durable commits and a binary log")
    parser.addoption("--mysql", action="store_true", help="MySQL in the place of MariaDB")


def pytest_configure(config: pytest.Config) -> None:
    """Make SIGTERM end the run like Ctrl-C, so that servers and processes of the tests end too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.pluginmanager.register(plan.Recorder())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect tests/mysql only with `--mysql`."""
    left_alone = collection_path.name == "mysql" and not config.getoption("--mysql")
    return True if left_alone else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the database: `both` runs a test on SQLite and on MariaDB, `mariadb` on MariaDB only.

    With `--mysql`, MariaDB is replaced by MySQL and nothing runs a second time on SQLite.
    """
    if "backend" not in metafunc.fixturenames:
        return
    server = "mysql" if metafunc.config.getoption("--mysql") else "mariadb"
    if metafunc.definition.get_closest_marker("both"):
        names = [server] if server == "mysql" else ["sqlite", server]
    elif metafunc.definition.get_closest_marker("mariadb"):
        names = [server]
    else:
        names = ["sqlite"]
    at_an_edge = names[1:] and any(metafunc.definition.path.is_relative_to(each) for each in EDGES)
    marks = [pytest.mark.slow] if at_an_edge else []
    first, *others = names
    again = [pytest.param(name, marks=marks) for name in others]
    metafunc.parametrize("backend", [first, *again], scope="session")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Run the tests that share a stack, or a fixture of their module, in one process.

    Otherwise each process would start its own stack, which costs time even when idle.
    """
    if not isinstance(item, pytest.Function):
        return
    if "_running" in item.fixturenames:
        item.add_marker(pytest.mark.xdist_group(f"stack-{item.callspec.params['backend']}"))
    elif _shares_with_its_module(item):
        item.add_marker(pytest.mark.xdist_group(item.location[0]))


def _shares_with_its_module(item: pytest.Function) -> bool:
    # pytest has no public way to ask for the scope of a fixture
    known = item._fixtureinfo.name2fixturedefs
    return any(known[name][-1].scope == "module" for name in item.fixturenames if name in known)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the release tests first: they take minutes, one after another, beside the other tests.

    With `--mysql`, select only the tests that run on MySQL.
    """
    if config.getoption("--mysql"):
        wanted = [item for item in items if _is_for_mysql(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(wanted)])
        items[:] = wanted
    items.sort(key=lambda item: not item.nodeid.startswith("tests/release/"))


def _is_for_mysql(item: pytest.Item) -> bool:
    if item.get_closest_marker("only_mariadb"):
        return False
    is_ours = item.path.is_relative_to(Path(__file__).parent / "mysql")
    return is_ours or any(item.get_closest_marker(name) for name in ("both", "mariadb"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List prominently what was left out."""
    for what, count in missing.left_out(terminalreporter.stats.get("skipped", [])).items():
        terminalreporter.write_sep("!", f"NOT TESTED: {count} tests need {what}", red=True)


@pytest.fixture
def kept_seconds() -> float:
    """Return the product's cache time of the metrics; the tests set it to 0."""
    return _KEPT_SECONDS


@pytest.fixture(autouse=True)
def _mask() -> Iterator[None]:
    """Restore the umask: the embedded mode makes files of its process private."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def mariadb(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[MariaDB]:
    """Start a MariaDB server (MySQL with `--mysql`); its database `tests` has every table."""
    durable = bool(request.config.getoption("--durable"))
    kind = MySQL if request.config.getoption("--mysql") else MariaDB
    server = kind(tmp_path_factory.mktemp("mariadb"), durable=durable)
    server.start()
    create_tables(server.new_database(DATABASE))
    yield server
    server.kill()


@pytest.fixture(scope="session")
def _emptier(mariadb: MariaDB) -> Engine:
    # a new connection each time: a test may have restarted the server
    return create_engine(mariadb.url(DATABASE), poolclass=NullPool)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sqlite_template(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Debian's Redis."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Valkey server of the embedded mode."""
    server = RedisServer(tmp_path_factory.mktemp("valkey"), kind="valkey")
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def _mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    box.start()
    yield box
    box.stop()


@pytest.fixture
def database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database with every table and no row: a SQLite file of its own, or the MariaDB server's."""
    if backend == "sqlite":
        path = tmp_path / "maitred.sqlite3"
        shutil.copyfile(request.getfixturevalue("_sqlite_template"), path)
        return f"sqlite:///{path}"
    server: MariaDB = request.getfixturevalue("mariadb")
    delete_rows(request.getfixturevalue("_emptier"))
    return server.url(DATABASE)


@pytest.fixture
def redis(backend: str, request: pytest.FixtureRequest) -> RedisServer:
    """An empty Redis beside MariaDB, an empty Valkey beside SQLite."""
    name = "valkey_server" if backend == "sqlite" else "redis_server"
    server: RedisServer = request.getfixturevalue(name)
    server.flush()
    return server


@pytest.fixture
def mailbox(_mailbox: Mailbox) -> Mailbox:
    """An empty mailbox behind `SMTP_URL`."""
    _mailbox.clear()
    return _mailbox


@pytest.fixture
def service_env(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[dict[str, str]]:
    """The environment of this test's Maitred. Redis and SMTP are set only if the test uses them."""
    values = surroundings.environment(tmp_path, database_url=database_url)
    if "redis" in request.fixturenames:
        values["REDIS_URL"] = request.getfixturevalue("redis").url
    if "mailbox" in request.fixturenames:
        values["SMTP_URL"] = request.getfixturevalue("mailbox").url
    surroundings.settle(monkeypatch, values)
    yield values
    surroundings.forget_everything()


@pytest.fixture
def db(service_env: dict[str, str]) -> Engine:
    """The engine of an empty database, the same as `transactions.engine()` returns."""
    bind = core_db.engine()
    bind.update_execution_options(compiled_cache=COMPILED)
    return bind


@pytest.fixture
def query_counter(db: Engine) -> Callable[[], AbstractContextManager[Statements]]:
    """`with query_counter() as statements:` counts the statements sent to the database."""
    return partial(counting, db)


@pytest.fixture
def restaurant(db: Engine) -> Callable[..., OpenRestaurant]:
    """`restaurant(slug=..., tables=..., policies=...)` writes a restaurant and returns its ids."""
    return partial(open_restaurant, db)


@pytest.fixture(scope="session")
def _running(
    backend: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Stack]:
    server = None if backend == "sqlite" else request.getfixturevalue("mariadb")
    with open_stack(tmp_path_factory.mktemp("stack"), server) as running:
        yield running


@pytest.fixture
def stack(_running: Stack, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The running installation, shared by all tests of a database; healed and idle between them."""
    _running.engine.dispose()  # another test may have restarted the server: no old connections
    yield _running
    report = request.node.stash.get(REPORT, None)
    if report is not None and report.failed:
        print(_running.logs())
    _running.heal()
    _running.wait_quiet()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep each test's report, so that fixtures can show logs when it failed."""
    report = yield
    if report.when == "call":
        item.stash[REPORT] = report
    return report
