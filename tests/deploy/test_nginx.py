"""The proxy's configuration, run for real: TLS, redirect, limits, slow clients, true addresses."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.architecture.tree import ROOT
from tests.services.certificates import Certificates, make_certificates
from tests.services.missing import go_without
from tests.services.ports import free_port
from tests.services.process import Process, wait_until
from web.json_body import MAX_BODY

CONF = ROOT / "deploy" / "nginx" / "nginx.conf"
BIN = Path(sys.executable).parent
NAME = "book.example.com"
#: shorter than in production, so that the test of slow clients is
DAWDLE_SECONDS = 2


class _Echo(BaseHTTPRequestHandler):
    """Answers what it was asked, as JSON."""

    def do_GET(self) -> None:
        """Headers and the length of the body."""
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        names = {name.lower(): self.headers.get_all(name) for name in self.headers}
        body = json.dumps({"path": self.path, "length": length, "headers": names}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.seen.append(self.path)  # type: ignore[attr-defined]

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """nginx with this configuration on free ports, and what its upstream heard."""

    http: int
    https: int
    certificates: Certificates
    folder: Path
    seen: list[str]

    def client(self) -> httpx.Client:
        """A caller who knows the authority, and gives the name."""
        context = ssl.create_default_context(cafile=str(self.certificates.authority))
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.https}",
            verify=context,
            headers={"Host": NAME},
            timeout=20,
        )

    def get(self, client: httpx.Client, path: str, **more: Any) -> httpx.Response:
        """GET with the name in the handshake too."""
        return client.get(path, extensions={"sni_hostname": NAME}, **more)


def _nginx() -> str:
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    return found or go_without("nginx (package nginx-light)")


def settled(folder: Path, made: Certificates, ports: dict[str, int]) -> Path:
    """The file as a restaurant would fill it in; every place that it must fill in is there."""
    text = CONF.read_text(encoding="utf-8")
    for old, new in {
        "user www-data;": "",
        "pid /run/nginx.pid": f"pid {folder}/nginx.pid",
        "/var/log/nginx/": f"{folder}/",
        "/etc/ssl/maitred/fullchain.pem": str(made.certificate),
        "/etc/ssl/maitred/privkey.pem": str(made.key),
        "listen 443": f"listen 127.0.0.1:{ports['https']}",
        "listen 80": f"listen 127.0.0.1:{ports['http']}",
        "127.0.0.1:8080": f"127.0.0.1:{ports['upstream']}",
        "_timeout 10s": f"_timeout {DAWDLE_SECONDS}s",
        "http {": "http {\n"
        + "".join(
            f"    {kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        ),
    }.items():
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "nginx.conf"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """nginx in front of a small upstream."""
    folder = tmp_path_factory.mktemp("nginx")
    made = make_certificates(folder / "tls", names=f"DNS:{NAME},DNS:localhost,IP:127.0.0.1")
    ports = {name: free_port() for name in ("http", "https", "upstream")}
    upstream = ThreadingHTTPServer(("127.0.0.1", ports["upstream"]), _Echo)
    upstream.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=upstream.serve_forever, daemon=True)
    thread.start()
    conf = settled(folder, made, ports)
    argv = [_nginx(), "-c", str(conf), "-p", str(folder)]
    tested = subprocess.run([*argv, "-t"], capture_output=True, text=True, check=False, timeout=30)
    assert tested.returncode == 0, tested.stderr
    assert "warn" not in tested.stderr
    server = Process("nginx", [*argv, "-g", "daemon off;"], log=folder / "nginx.log")
    server.start()
    server.wait_ready(lambda: _listens(ports["https"]))
    seen: list[str] = upstream.seen  # type: ignore[attr-defined]
    yield Proxy(ports["http"], ports["https"], made, folder, seen)
    server.terminate()
    upstream.shutdown()
    upstream.server_close()
    thread.join()


def _listens(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def _tls(proxy: Proxy, newest: ssl.TLSVersion) -> ssl.SSLSocket:
    """A TLS line of at most this version, by a caller who would take any."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(proxy.certificates.authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = newest
    plain = socket.create_connection(("127.0.0.1", proxy.https), timeout=10)
    try:
        return context.wrap_socket(plain, server_hostname=NAME)
    except ssl.SSLError:
        plain.close()
        raise


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
        full = client.post("/full", content=b"x" * MAX_BODY, extensions=sni)
        assert (full.status_code, full.json()["length"]) == (200, MAX_BODY)
        over = client.post("/over", content=b"x" * (MAX_BODY + 1), extensions=sni)
        assert over.status_code == 413
        assert over.headers["Content-Type"] == "application/problem+json"
        assert over.json()["code"] == "body-too-large"
        long = proxy.get(client, "/long", headers={"X-Long": "x" * 40_000})
        assert long.status_code == 400
    assert "/over" not in proxy.seen
    assert "/long" not in proxy.seen


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /slow HTTP/1.1\r\nHost: book.example.com\r\nX-",
        b"POST /slow HTTP/1.1\r\nHost: book.example.com\r\nContent-Length: 100\r\n\r\nhalf",
    ],
    ids=["header", "body"],
)
def test_a_slow_client_is_cut_off_and_never_reaches_the_house(proxy: Proxy, sent: bytes) -> None:
    begun = time.monotonic()
    with _tls(proxy, ssl.TLSVersion.TLSv1_2) as line:
        line.settimeout(20)
        line.sendall(sent)
        try:
            while line.recv(4096):
                pass
        except OSError:
            pass  # reset, as the configuration says
    assert DAWDLE_SECONDS - 0.5 < time.monotonic() - begun < DAWDLE_SECONDS + 5
    assert "/slow" not in proxy.seen


def test_a_flood_from_one_address_is_429_and_ends(proxy: Proxy) -> None:
    asked = f"GET /flood HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()
    last = asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with ExitStack() as held:
        lines = [held.enter_context(_tls(proxy, ssl.TLSVersion.TLSv1_2)) for _ in range(30)]
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
    with proxy.client() as client:
        wait_until(
            lambda: proxy.get(client, "/after").status_code == 200, seconds=20, what="calm", every=1
        )


def test_one_address_has_so_many_lines_at_once(proxy: Proxy) -> None:
    half = f"POST /half HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 9\r\n\r\nhalf".encode()
    with ExitStack() as held:
        for _line in range(40):
            held.enter_context(_tls(proxy, ssl.TLSVersion.TLSv1_2)).sendall(half)
        with proxy.client() as client:
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


def test_the_limits_here_are_those_of_the_house() -> None:
    text = CONF.read_text(encoding="utf-8")
    assert f"client_max_body_size {MAX_BODY // 1024}k;" in text
    assert "server_tokens off;" in text
    assert "TRUSTED_PROXIES=1" in text
