"""TLS to MariaDB, Redis, Celery's broker and SMTP, on real servers; wrong ones are refused."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from kombu import pools
from kombu.exceptions import OperationalError as OperationalBrokerError
from sqlalchemy.exc import OperationalError

from models.core.database.transactions import make_engine
from models.core.redis import counters, signals
from schedules.producer import make_producer
from tasks.app import make_app
from tasks.messaging.channels import ChannelDown
from tasks.messaging.channels.smtp import SmtpConnection
from tests.services.ports import free_port
from tests.services.running import surroundings
from tests.services.running.process import Process
from tests.services.servers.certificates import Certificates, make_certificates
from tests.services.servers.mariadb import MariaDB
from tests.services.servers.redis import RedisServer

PASSWORD = "only-for-tests"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The certificates of the servers."""
    return make_certificates(tmp_path_factory.mktemp("right"))


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Another authority, which signed no server's certificate."""
    return make_certificates(tmp_path_factory.mktemp("wrong"))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate for another name, signed by its own authority."""
    folder = tmp_path_factory.mktemp("elsewhere")
    return make_certificates(folder, names="DNS:elsewhere.example")


@pytest.fixture
def believe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """`believe(REDIS_URL=..., REDIS_CA=...)` sets the settings of this process."""

    def settle(**values: object) -> None:
        base = surroundings.environment(tmp_path, database_url="sqlite:////proc/nowhere")
        surroundings.settle(monkeypatch, base | {name: str(text) for name, text in values.items()})

    yield settle
    surroundings.forget_everything()


# --- MariaDB


class _TlsMariaDB(MariaDB):
    """A MariaDB server that requires TLS."""

    certificates: Certificates

    def _argv(self, data: Path) -> list[str]:
        made = self.certificates
        return [
            *super()._argv(data),
            f"--ssl-ca={made.authority}",
            f"--ssl-cert={made.certificate}",
            f"--ssl-key={made.key}",
            "--tls-version=TLSv1.2,TLSv1.3",
        ]


def _mariadb(folder: Path, certificates: Certificates) -> _TlsMariaDB:
    server = _TlsMariaDB(folder)
    server.certificates = certificates
    server.start()
    server.run("CREATE USER 'tls'@'%' IDENTIFIED BY 'only-for-tests' REQUIRE SSL")
    return server


def _ask_mariadb(url: str) -> tuple[str, str]:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            row = connection.exec_driver_sql("SHOW STATUS LIKE 'Ssl_version'").one()
            return str(row[0]), str(row[1])
    finally:
        engine.dispose()


def test_mariadb_over_tls_and_a_wrong_authority_or_name_refused(
    tmp_path: Path,
    certificates: Certificates,
    strangers: Certificates,
    believe: Any,
) -> None:
    server = _mariadb(tmp_path / "mariadb", certificates)
    url = f"mysql+mysqldb://tls:only-for-tests@127.0.0.1:{server.port}/"
    try:
        believe(DATABASE_CA=certificates.authority)
        assert _ask_mariadb(url)[1] in ("TLSv1.2", "TLSv1.3")
        believe(DATABASE_CA=strangers.authority)
        with pytest.raises(OperationalError, match=r"TLS/SSL error"):
            _ask_mariadb(url)
    finally:
        server.kill()


def test_mariadb_with_the_certificate_of_another_or_with_none_is_refused(
    tmp_path: Path, elsewhere: Certificates, mariadb: MariaDB, believe: Any
) -> None:
    believe(DATABASE_CA=elsewhere.authority)
    server = _mariadb(tmp_path / "mariadb", elsewhere)
    try:
        with pytest.raises(OperationalError):
            _ask_mariadb(f"mysql+mysqldb://tls:only-for-tests@127.0.0.1:{server.port}/")
    finally:
        server.kill()
    with pytest.raises(OperationalError):  # it has no TLS: the password is not sent in the clear
        _ask_mariadb(mariadb.url("mysql"))


# --- Redis


class _TlsRedis(RedisServer):
    """A Redis that accepts only TLS, with a password."""

    def __init__(self, folder: Path, made: Certificates) -> None:
        super().__init__(folder)
        tls = ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
        tls += ["--tls-cert-file", str(made.certificate), "--tls-key-file", str(made.key)]
        tls += ["--tls-ca-cert-file", str(made.authority), "--requirepass", PASSWORD]
        tls += ["--tls-protocols", "TLSv1.2 TLSv1.3"]
        self._authority = made.authority
        self._process = Process("redis", [*self._process.argv, *tls], log=self.log)

    @property
    def url(self) -> str:
        return f"rediss://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """A client that does not check the server's name."""
        return redis.Redis.from_url(
            self.url, ssl_ca_certs=str(self._authority), ssl_check_hostname=False
        )


@pytest.fixture(scope="module")
def tls_redis(
    tmp_path_factory: pytest.TempPathFactory, certificates: Certificates
) -> Iterator[_TlsRedis]:
    """Debian's Redis with TLS."""
    server = _TlsRedis(tmp_path_factory.mktemp("redis"), certificates)
    server.start()
    yield server
    server.kill()


def test_redis_over_tls(tls_redis: _TlsRedis, certificates: Certificates, believe: Any) -> None:
    believe(REDIS_URL=tls_redis.url, REDIS_CA=certificates.authority)
    assert signals.is_up()
    seen = counters._in_redis(["tally:x:y:1"], [60], 1)
    assert seen is not None
    believe(REDIS_URL=tls_redis.url.replace("rediss", "redis"))
    assert not signals.is_up()


def test_redis_of_a_wrong_authority_or_another_name_is_refused(
    tmp_path: Path,
    tls_redis: _TlsRedis,
    strangers: Certificates,
    elsewhere: Certificates,
    believe: Any,
) -> None:
    believe(REDIS_URL=tls_redis.url, REDIS_CA=strangers.authority)
    with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        signals.client().ping()
    believe(REDIS_URL=tls_redis.url)  # the machine's own authorities did not sign it either
    with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        signals.client().ping()
    other = _TlsRedis(tmp_path / "other", elsewhere)
    other.start()
    try:
        believe(REDIS_URL=other.url, REDIS_CA=elsewhere.authority)
        with pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            signals.client().ping()
    finally:
        other.kill()


@pytest.mark.parametrize("make", [make_app, make_producer])
@pytest.mark.slow
def test_celerys_broker_over_tls(
    make: Any,
    tls_redis: _TlsRedis,
    certificates: Certificates,
    strangers: Certificates,
    believe: Any,
) -> None:
    believe(REDIS_URL=tls_redis.url, REDIS_CA=certificates.authority)
    app = make()
    app.send_task("nothing.at.all", queue="tls", retry=False)
    with tls_redis.client() as client:
        assert client.llen("tls") >= 1
    believe(REDIS_URL=tls_redis.url, REDIS_CA=strangers.authority)
    pools.reset()  # type: ignore[no-untyped-call]  # kombu keeps connections by URL
    wrong = make()
    with pytest.raises(OperationalBrokerError, match="CERTIFICATE_VERIFY_FAILED"):
        wrong.send_task("nothing.at.all", queue="tls", retry=False)


# --- SMTP


class _Handler:
    """Stores received mails; the server requires TLS."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.kept.append(envelope.original_content or b"")
        return "250 OK"


class _Mail:
    """aiosmtpd with TLS from the start (`smtps`), or with mandatory STARTTLS."""

    def __init__(self, made: Certificates, scheme: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.certificate, made.key)
        self.handler, port = _Handler(), free_port()
        options: dict[str, Any] = {"hostname": "127.0.0.1", "port": port}
        if scheme == "smtps":
            options |= {"ssl_context": context}
        else:
            options |= {"tls_context": context, "require_starttls": True}
        self.controller = Controller(self.handler, **options)
        self.url = f"{scheme}://127.0.0.1:{port}"

    def __enter__(self) -> "_Mail":
        self.controller.start()
        return self

    def __exit__(self, *_gone: object) -> None:
        self.controller.stop()


def _send(url: str) -> None:
    with SmtpConnection(url) as line:
        line.hand_over(
            b"Subject: x\r\n\r\nhello\r\n",
            sender="book@example.com",
            recipient="ada@example.com",
            options=(),
        )


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_mail_goes_over_tls_and_to_no_stranger(
    scheme: str,
    certificates: Certificates,
    strangers: Certificates,
    elsewhere: Certificates,
    believe: Any,
) -> None:
    with _Mail(certificates, scheme) as server:
        believe(SMTP_CA=certificates.authority)
        _send(server.url)
        believe(SMTP_CA=strangers.authority)
        with pytest.raises(ChannelDown, match="SSLCertVerificationError"):
            _send(server.url)
        believe()
        with pytest.raises(ChannelDown, match="SSLCertVerificationError"):
            _send(server.url)
    assert len(server.handler.kept) == 1
    with _Mail(elsewhere, scheme) as other:
        believe(SMTP_CA=elsewhere.authority)
        with pytest.raises(ChannelDown, match="SSLCertVerificationError"):
            _send(other.url)
        assert not other.handler.kept
