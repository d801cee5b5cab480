"""The proxy's configuration on a real nginx: TLS, limits, slow clients, addresses, two versions."""

import json
import os
import re
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.architecture.tree import ROOT
from tests.services import plan
from tests.services.missing import go_without
from tests.services.ports import free_port
from tests.services.running.process import Process, wait_until
from tests.services.servers.certificates import Certificates, make_certificates
from web.http.json_body import MAX_BODY

FOLDER = ROOT / "deploy" / "nginx"
CONF = FOLDER / "nginx.conf"
BIN = Path(sys.executable).parent
NAME = "book.example.com"
#: shorter than in production, to keep the test of slow clients short
DAWDLE_SECONDS = 2


class _Echo(BaseHTTPRequestHandler):
    """Answers with its version and the received request, as JSON."""

    server: "_Version"

    def do_GET(self) -> None:
        """Return headers and the length of the body; for /stream, two events with a pause
        between.
        """
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        self.server.seen.append(self.path)
        if self.path == "/stream":
            self._stream()
            return
        names = {name.lower(): self.headers.get_all(name) for name in self.headers}
        facts = {"path": self.path, "length": length, "headers": names, "by": self.server.name}
        body = json.dumps(facts).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("X-Accel-Buffering", "no")
        self.end_headers()
        self.wfile.write(b"data: one\n\n")
        self.wfile.flush()
        self.server.go_on.wait(20)
        self.wfile.write(b"data: two\n\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


class _Version(ThreadingHTTPServer):
    """A web process on a Unix socket."""

    address_family = socket.AF_UNIX
    request_queue_size = 128

    def __init__(self, path: Path, seen: list[str]) -> None:
        self.name, self.seen, self.go_on = path.name, seen, threading.Event()
        super().__init__(str(path), _Echo)  # type: ignore[arg-type]

    def server_bind(self) -> None:
        """Bind without the host name and port that HTTPServer takes from the address."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.name, 0
        # nginx's workers run as nobody when root starts it
        Path(str(self.server_address)).chmod(0o666)


@dataclass(frozen=True, slots=True)
class Proxy:
    """nginx with this configuration on free ports, and the requests its upstreams received."""

    http: int
    https: int
    certificates: Certificates
    folder: Path
    run: Path
    versions: dict[str, _Version]

    @property
    def seen(self) -> list[str]:
        """The paths that reached a web process."""
        return self.versions["blue"].seen

    def turn(self, *shares: str, to: str) -> None:
        """Switch as upstreams.conf describes: replace the links by a rename."""
        for share in shares or ("5", "25", "50", "100"):
            (self.run / "next").symlink_to(to)
            (self.run / "next").replace(self.run / share)

    def client(self, own: str = "127.0.0.1") -> httpx.Client:
        """A client at the address `own` that trusts the authority and sends the host name."""
        context = ssl.create_default_context(cafile=str(self.certificates.authority))
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.https}",
            transport=httpx.HTTPTransport(verify=context, local_address=own),
            headers={"Host": NAME},
            timeout=20,
        )

    def get(self, client: httpx.Client, path: str, **more: Any) -> httpx.Response:
        """GET with the host name in the TLS handshake too."""
        return client.get(path, extensions={"sni_hostname": NAME}, **more)


def nginx_program() -> str:
    """Return the path of nginx."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found or go_without("nginx (package nginx-light)")


def settled(
    folder: Path, run: Path, made: Certificates, ports: dict[str, int], *, front: str = ""
) -> Path:
    """Write the files as an operator would fill them in; check that each place to fill in
    exists.
    """
    shutil.copytree(FOLDER / "maitred", folder / "maitred")
    changes = {
        "nginx.conf": {
            # the owner of these folders: another account may have no access
            "user www-data;": "user root;" if os.geteuid() == 0 else "",
            "pid /run/nginx.pid": f"pid {folder}/nginx.pid",
            "/var/www/maitred": f"{folder}/www",
            "/var/log/nginx/": f"{folder}/",
            "/var/cache/maitred": f"{run}/cache",
            "listen 443": f"listen 127.0.0.1:{ports['https']}",
            "listen 80": f"listen 127.0.0.1:{ports['http']}",
            "_timeout 10s": f"_timeout {DAWDLE_SECONDS}s",
        },
        "maitred/certificate.conf": {
            "/etc/ssl/maitred/fullchain.pem": str(made.certificate),
            "/etc/ssl/maitred/privkey.pem": str(made.key),
        },
        "maitred/upstreams.conf": {
            "unix:/run/maitred/": f"unix:{run}/",
            "127.0.0.1:9180": f"127.0.0.1:{free_port()}",
        },
    }
    for name, changed in changes.items():
        text = (FOLDER / name).read_text(encoding="utf-8")
        for old, new in changed.items():
            assert old in text, old
            text = text.replace(old, new)
        (folder / name).write_text(text, encoding="utf-8")
    if front:
        (folder / "maitred" / "front.conf").write_text(front, encoding="utf-8")
    return folder / "nginx.conf"


@pytest.fixture(scope="module")
def versions() -> Iterator[dict[str, _Version]]:
    """Two versions of the web process, `blue` and `green`, with one list of received requests."""
    seen: list[str] = []
    # a socket's path must be short
    with tempfile.TemporaryDirectory(prefix="m-") as folder:
        Path(folder).chmod(0o755)
        both = {name: _Version(Path(folder) / name, seen) for name in ("blue", "green")}
        threads = [threading.Thread(target=each.serve_forever) for each in both.values()]
        for thread in threads:
            thread.start()
        yield both
        for each in both.values():
            each.shutdown()
            each.server_close()
        for thread in threads:
            thread.join()


@contextmanager
def running(folder: Path, versions: dict[str, _Version], *, front: str = "") -> Iterator[Proxy]:
    """Run nginx in front of the two versions; all shares lead to `blue`."""
    made = make_certificates(folder / "tls", names=f"DNS:{NAME},DNS:localhost,IP:127.0.0.1")
    ports = {name: free_port() for name in ("http", "https")}
    with tempfile.TemporaryDirectory(prefix="m-") as links:
        run = Path(links)
        run.chmod(0o755)
        for name, version in versions.items():
            (run / name).symlink_to(str(version.server_address))
        conf = settled(folder, run, made, ports, front=front)
        told = _tested(conf)
        assert "warn" not in told, told
        argv = [nginx_program(), "-c", str(conf), "-p", str(folder), "-g", "daemon off;"]
        proxy = Proxy(ports["http"], ports["https"], made, folder, run, versions)
        proxy.turn(to="blue")
        server = Process("nginx", argv, log=folder / "nginx.log")
        server.start()
        server.wait_ready(lambda: _listens(ports["https"]))
        yield proxy
        server.terminate()


def _tested(conf: Path) -> str:
    argv = [nginx_program(), "-t", "-c", str(conf), "-p", str(conf.parent)]
    tested = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
    assert tested.returncode == 0, tested.stderr
    return tested.stderr


@pytest.fixture(scope="module")
def proxy(
    tmp_path_factory: pytest.TempPathFactory, versions: dict[str, _Version]
) -> Iterator[Proxy]:
    """nginx that callers reach directly."""
    with running(tmp_path_factory.mktemp("nginx"), versions) as made:
        yield made


@pytest.fixture(scope="module")
def behind(
    tmp_path_factory: pytest.TempPathFactory, versions: dict[str, _Version]
) -> Iterator[Proxy]:
    """nginx behind a load balancer, which is this machine."""
    front = (FOLDER / "front" / "load-balancer.conf").read_text(encoding="utf-8")
    assert "10.0.0.0/8" in front
    front = front.replace("10.0.0.0/8", "127.0.0.0/8")
    with running(tmp_path_factory.mktemp("behind"), versions, front=front) as made:
        yield made


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def _tls(proxy: Proxy, newest: ssl.TLSVersion, own: str = "127.0.0.1") -> ssl.SSLSocket:
    """Open a connection of at most this TLS version, from `own`; the client accepts any version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(proxy.certificates.authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = newest
    plain = socket.create_connection(
        ("127.0.0.1", proxy.https), timeout=10, source_address=(own, 0)
    )
    try:
        return context.wrap_socket(plain, server_hostname=NAME)
    except ssl.SSLError:
        plain.close()
        raise


def test_the_proof_for_certificates_is_served_over_plain_http(proxy: Proxy) -> None:
    folder = proxy.folder / "www" / ".well-known" / "acme-challenge"
    folder.mkdir(parents=True)
    (folder / "token").write_text("proof")
    proof = f"http://127.0.0.1:{proxy.http}/.well-known/acme-challenge"
    answer = httpx.get(f"{proof}/token", headers={"Host": NAME})
    assert (answer.status_code, answer.text) == (200, "proof")
    assert httpx.get(f"{proof}/other", headers={"Host": NAME}).status_code == 404
    assert httpx.get(f"{proof}/../../x", headers={"Host": NAME}).status_code == 308


def test_plain_http_leads_to_tls_and_says_no_version(proxy: Proxy) -> None:
    answer = httpx.post(
        f"http://127.0.0.1:{proxy.http}/book/demo?x=1", headers={"Host": NAME}, content=b"x"
    )
    assert answer.status_code == 308  # a POST stays one
    assert answer.headers["Location"] == f"https://{NAME}/book/demo?x=1"
    assert answer.headers["Server"] == "nginx"
    assert not proxy.seen or "/book/demo?x=1" not in proxy.seen


def test_another_name_is_not_answered(proxy: Proxy) -> None:
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{proxy.http}/", headers={"Host": "evil.example"})
    context = ssl.create_default_context(cafile=str(proxy.certificates.authority))
    with (
        socket.create_connection(("127.0.0.1", proxy.https), timeout=10) as plain,
        pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"),
    ):
        context.wrap_socket(plain, server_hostname="evil.example")


def test_tls_12_and_13_are_spoken_and_11_is_not(proxy: Proxy) -> None:
    for version, name in (
        (ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
        (ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
    ):
        with _tls(proxy, version) as line:
            assert line.version() == name
    with (
        pytest.warns(DeprecationWarning),
        pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"),
    ):
        _tls(proxy, ssl.TLSVersion.TLSv1_1).close()


def test_every_answer_asks_for_tls_alone(proxy: Proxy) -> None:
    with proxy.client() as client:
        for path, status in (("/", 200), ("/metrics", 404), ("/readyz", 404)):
            answer = proxy.get(client, path)
            assert answer.status_code == status
            assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"
    assert "/metrics" not in proxy.seen


@pytest.mark.parametrize("name", ["metrics", "readyz"])
def test_monitoring_paths_are_closed_however_they_are_written(proxy: Proxy, name: str) -> None:
    variants = (
        f"/{name}/", f"/{name}%2f", f"/{name}%2F%2f", f"//{name}", f"/./{name}", f"/x/../{name}",
        f"/x/..%2f{name}", f"/%{name.encode().hex()[:2]}{name[1:]}", f"/{name}/.", f"/{name}?x=1",
        f"/{name};x", f"/{name}%00",
    )  # fmt: skip
    for path in variants:
        asked = f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode()
        with _tls(proxy, ssl.TLSVersion.TLSv1_2) as line:
            line.sendall(asked)
            told = b"".join(iter(partial(line.recv, 65536), b"")).decode()
        assert re.match(r"HTTP/1\.1 40[04] ", told), path
    assert not [path for path in proxy.seen if name in path]


def test_one_ipv6_network_is_one_caller(behind: Proxy) -> None:
    """Callers are identified by the first 64 bits, in any notation of the rest."""

    def ask(client: httpx.Client, address: str) -> int:
        header = {"X-Forwarded-For": address}
        return behind.get(client, "/api/who", headers=header).status_code

    networks = ("2001:db8:1:2:{:x}::1", "2001:db8::{:x}:1:2:3", "2001:db8:0:5:{:x}:6:7:8")
    with behind.client("127.0.0.9") as client:
        for network in networks:
            found = [ask(client, network.format(number)) for number in range(1, 240)]
            assert found.count(429) > 20, network
        assert ask(client, "2001:db8:1:3::1") == 200


def test_what_a_caller_says_of_itself_is_replaced(proxy: Proxy) -> None:
    forged = {
        "X-Forwarded-For": "10.0.0.1, 10.0.0.2",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "for=10.0.0.1",
    }
    with proxy.client() as client:
        heard = proxy.get(client, "/", headers=forged).json()["headers"]
    assert heard["x-forwarded-for"] == ["127.0.0.1"]
    assert heard["x-forwarded-proto"] == ["https"]
    assert heard["x-forwarded-host"] == heard["host"] == [NAME]
    assert "forwarded" not in heard


def test_a_body_or_header_too_large_is_refused(proxy: Proxy) -> None:
    sni = {"sni_hostname": NAME}
    with proxy.client() as client:
        full = client.post("/api/full", content=b"x" * MAX_BODY, extensions=sni)
        assert (full.status_code, full.json()["length"]) == (200, MAX_BODY)
        over = client.post("/api/over", content=b"x" * (MAX_BODY + 1), extensions=sni)
        assert over.status_code == 413
        assert over.headers["Content-Type"] == "application/problem+json"
        assert (over.json()["code"], over.json()["status"]) == ("body-too-large", 413)
        long = proxy.get(client, "/long", headers={"X-Long": "x" * 40_000})
        assert long.status_code == 400
    assert "/api/over" not in proxy.seen
    assert "/long" not in proxy.seen


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /slow HTTP/1.1\r\nHost: book.example.com\r\nX-",
        b"POST /slow HTTP/1.1\r\nHost: book.example.com\r\nContent-Length: 100\r\n\r\nhalf",
    ],
    ids=["header", "body"],
)
def test_a_slow_client_is_cut_off_and_never_reaches_the_restaurant(
    proxy: Proxy, sent: bytes
) -> None:
    begun = time.monotonic()
    with _tls(proxy, ssl.TLSVersion.TLSv1_2) as line:
        line.settimeout(20)
        line.sendall(sent)
        try:
            while line.recv(4096):
                pass
        except OSError:
            pass  # reset, as configured
    assert DAWDLE_SECONDS - 0.5 < time.monotonic() - begun < DAWDLE_SECONDS + 5
    assert "/slow" not in proxy.seen


def test_a_flood_from_one_address_is_429_and_ends(proxy: Proxy) -> None:
    asked = f"GET /api/flood HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()
    last = asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    own = "127.0.0.7"  # its own address, so that the limit affects no other test
    with ExitStack() as held:
        lines = [held.enter_context(_tls(proxy, ssl.TLSVersion.TLSv1_2, own)) for _ in range(30)]
        for line in lines:
            line.settimeout(20)
            line.sendall(asked * 14 + last)
        told = b"".join(
            chunk for line in lines for chunk in iter(partial(line.recv, 65536), b"")
        ).decode()
    statuses = re.findall(r"HTTP/1\.1 (\d+)", told)
    assert set(statuses) == {"200", "429"}
    assert statuses.count("200") >= 100
    assert statuses.count("429") >= 20, len(statuses)
    refused = told[told.index("HTTP/1.1 429") :].partition("}")[0]
    for words in ("application/problem+json", "Retry-After: 5", "max-age", "too-many-requests"):
        assert words in refused
    with proxy.client(own) as client:
        wait_until(
            lambda: proxy.get(client, "/api/after").status_code == 200,
            seconds=20,
            what="calm",
            every=1,
        )


def test_one_address_has_so_many_lines_at_once(proxy: Proxy) -> None:
    half = f"POST /half HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 9\r\n\r\nhalf".encode()
    own = "127.0.0.8"
    with ExitStack() as held:
        for _line in range(40):
            held.enter_context(_tls(proxy, ssl.TLSVersion.TLSv1_2, own)).sendall(half)
        with proxy.client(own) as client:
            wait_until(
                lambda: proxy.get(client, "/one-more").status_code == 429, seconds=2, what="429"
            )


def test_the_log_keeps_no_manage_link_and_no_query(proxy: Proxy) -> None:
    with proxy.client() as client:
        proxy.get(client, "/manage/s3cret.token?also=s3cret")
        proxy.get(client, "/book/demo?email=s3cret")
    path = proxy.folder / "access.log"
    wait_until(lambda: "/book/demo" in path.read_text(), seconds=5, what="the log's line")
    text = path.read_text()
    assert "/manage/..." in text
    assert "s3cret" not in text


def test_no_log_keeps_a_manage_link_whatever_goes_wrong(proxy: Proxy) -> None:
    """Errors: an upstream that is down, a limit exceeded, rejected bodies and headers."""
    link, other = "/manage/7.s3cret.s3cret", "/book/in-the-log"
    proxy.turn(to="nowhere")
    try:
        with proxy.client("127.0.0.11") as client:
            for path in (link, other):
                assert proxy.get(client, path).status_code == 502
    finally:
        proxy.turn(to="blue")
    sni = {"sni_hostname": NAME}
    with proxy.client("127.0.0.12") as client:
        for path in (link, other):
            body = b"x" * (MAX_BODY + 1)
            assert client.post(path, content=body, extensions=sni).status_code == 413
            assert proxy.get(client, path, headers={"X-Long": "x" * 40_000}).status_code == 400
    for own, path in (("127.0.0.13", link), ("127.0.0.14", other)):
        asked = f"GET {path} HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode() * 400
        with _tls(proxy, ssl.TLSVersion.TLSv1_2, own) as line:
            line.settimeout(20)
            line.sendall(asked.removesuffix(b"\r\n\r\n") + b"\r\nConnection: close\r\n\r\n")
            told = b"".join(iter(partial(line.recv, 65536), b""))
        assert b"HTTP/1.1 429" in told
    log = proxy.folder / "error.log"
    wait_until(lambda: f'"GET {other}' in log.read_text(), seconds=5, what="the log's line")
    text = log.read_text() + (proxy.folder / "access.log").read_text()
    for words in ("limiting requests", "too large body", "connect() to unix:"):
        assert words in text  # errors of other paths are logged
    assert "s3cret" not in text
    assert "/manage/..." in text


def test_http_2_is_spoken(proxy: Proxy) -> None:
    context = ssl.create_default_context(cafile=str(proxy.certificates.authority))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", proxy.https), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as line,
    ):
        assert line.selected_alpn_protocol() == "h2"


def test_a_restaurant_out_of_reach_is_told_as_a_problem_or_as_a_page(proxy: Proxy) -> None:
    proxy.turn(to="nowhere")
    try:
        with proxy.client() as client:
            problem = proxy.get(client, "/api/v1/restaurants")
            page = proxy.get(client, "/book/demo")
    finally:
        proxy.turn(to="blue")
    assert problem.status_code == page.status_code == problem.json()["status"] == 502
    assert problem.json()["code"] == "unavailable"
    assert problem.headers["Content-Type"] == "application/problem+json"
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<h1>Bad Gateway</h1>" in page.text
    for answer in (problem, page):
        assert answer.headers["Retry-After"] == "5"
        assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"


def test_events_are_handed_on_as_they_come(proxy: Proxy) -> None:
    go_on = proxy.versions["blue"].go_on
    go_on.clear()
    sni = {"sni_hostname": NAME}
    with proxy.client() as client, client.stream("GET", "/stream", extensions=sni) as answer:
        words = answer.iter_bytes()
        try:
            assert next(words) == b"data: one\n\n"  # before the second is sent
        finally:
            go_on.set()
        assert next(words) == b"data: two\n\n"


def test_files_of_the_pages_are_asked_for_once(proxy: Proxy) -> None:
    with proxy.client() as client:
        answers = [proxy.get(client, f"/static/once.css?{number}") for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [path for path in proxy.seen if "once.css" in path] == ["/static/once.css?0"]
    assert answers[2].headers["Cache-Control"] == "no-cache"


def _served(proxy: Proxy, addresses: list[str]) -> dict[str, str]:
    """Map each address to the version that answers it."""
    with proxy.client() as client:
        return {
            address: proxy.get(client, "/", headers={"X-Forwarded-For": address}).json()["by"]
            for address in addresses
        }


def test_a_canary_has_its_share_of_callers_and_keeps_them(behind: Proxy) -> None:
    callers = [f"203.0.{number // 200}.{number % 200}" for number in range(300)]
    expected = {"5": 15, "25": 75, "50": 150, "100": 300}
    came_over: set[str] = set()
    try:
        for share, count in expected.items():
            behind.turn(share, to="green")
            there = {who for who, by in _served(behind, callers).items() if by == "green"}
            assert came_over <= there
            assert abs(len(there) - count) <= 25, (share, len(there))
            came_over = there
    finally:
        behind.turn(to="blue")
    assert len(came_over) == 300


def test_turning_to_another_version_breaks_no_request(behind: Proxy) -> None:
    answers: list[tuple[int, str]] = []
    done = threading.Event()

    def ask(asker: int) -> None:
        with behind.client() as client:
            while not done.wait(0.02):
                # a new address each time, so that no limit applies
                who = f"198.18.{asker}.{len(answers) % 250}"
                answer = behind.get(client, "/", headers={"X-Forwarded-For": who})
                by = answer.json()["by"] if answer.status_code == 200 else ""
                answers.append((answer.status_code, by))

    askers = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for asker in askers:
        asker.start()
    try:
        for to in ("green", "blue") * 10:
            behind.turn(to=to)
            wait_until(lambda to=to: answers[-1:] == [(200, to)], seconds=20, what=to)  # type: ignore[misc]
    finally:
        done.set()
        for asker in askers:
            asker.join()
        behind.turn(to="blue")
    assert {status for status, _by in answers} == {200}, answers


def test_behind_a_load_balancer_it_names_the_caller(behind: Proxy) -> None:
    def heard(line: str) -> list[str]:
        with behind.client() as client:
            told = behind.get(client, "/", headers={"X-Forwarded-For": line}).json()
        return list(told["headers"]["x-forwarded-for"])

    assert heard("198.51.100.7") == ["198.51.100.7"]
    # entries before the balancer's own are ignored
    assert heard("6.6.6.6, 198.51.100.8") == ["198.51.100.8"]


@pytest.mark.parametrize("kind", ["cloudflare", "compose"])
def test_the_other_fronts_and_upstreams_are_valid(tmp_path: Path, kind: str) -> None:
    made = make_certificates(tmp_path / "tls")
    conf = settled(tmp_path, tmp_path, made, {"http": 8080, "https": 8443})
    inside = tmp_path / "maitred"
    if kind == "cloudflare":
        shutil.copy(FOLDER / "front" / "cloudflare.conf", inside / "front.conf")
    else:
        shutil.copy(FOLDER / "compose" / "upstreams.conf", inside / "upstreams.conf")
    assert "successful" in _tested(conf)


def test_gixy_finds_nothing_of_weight() -> None:
    done = subprocess.run(
        [str(BIN / "gixy"), "-f", "json", str(CONF)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    found = json.loads(done.stdout)
    heavy = [each for each in found if each["severity"].upper() in ("MEDIUM", "HIGH")]
    assert not heavy, heavy


def test_sslyze_finds_mozillas_intermediate_profile(proxy: Proxy) -> None:
    done = subprocess.run(
        [
            str(BIN / "sslyze"),
            "--mozilla_config=intermediate",
            f"--certinfo_ca_file={proxy.certificates.authority}",
            f"--sni={NAME}",
            f"127.0.0.1:{proxy.https}",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    told = done.stdout[done.stdout.find("COMPLIANCE") :]
    assert re.search(r"127\.0\.0\.1:\d+: OK - Compliant", told), told or done.stderr
    assert done.returncode == 0
    plan.prove(
        line="tls", target="hosts", how="seen", figure="Mozilla's intermediate profile, by sslyze"
    )


def test_the_limits_here_are_those_of_the_restaurant() -> None:
    text = CONF.read_text(encoding="utf-8")
    assert f"client_max_body_size {MAX_BODY // 1024}k;" in text
    assert "server_tokens off;" in text
    assert "TRUSTED_PROXIES=1" in text
