"""`make audit`: each part fails on a fault, and none passes without having run its check."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distributions
from pathlib import Path

import pytest

from deploy import audit

# concatenated, so that the audit of the repository does not find it
KEY = "AKIA" + "Q3EGRVNJ5TLW7XYZ"


def test_code_with_an_eval_is_found(tmp_path: Path) -> None:
    (tmp_path / "clean.py").write_text("x = 1\n")
    assert audit.audit_code([str(tmp_path)]) == []
    (tmp_path / "planted.py").write_text("def run(text):\n    return eval(text)\n")
    assert any("B307" in line for line in audit.audit_code([str(tmp_path)]))


def test_a_key_in_a_file_is_found(tmp_path: Path) -> None:
    file = tmp_path / "settings.ini"
    file.write_text("region = eu-central-1\n")
    assert audit.audit_secrets([str(file)]) == []
    file.write_text(f"key = {KEY}\n")
    assert any("AWS" in line for line in audit.audit_secrets([str(file)]))


@pytest.mark.slow
def test_this_repository_holds_no_secret() -> None:
    assert audit.audit_secrets() == []


def test_every_finding_of_the_baseline_was_judged() -> None:
    kept = json.loads(Path(audit.BASELINE).read_text())
    assert audit.judge_baseline(json.dumps(kept)) == []
    first = next(iter(kept["results"].values()))[0]
    first["is_secret"] = True
    assert ["is a secret" in line for line in audit.judge_baseline(json.dumps(kept))] == [True]
    del first["is_secret"]
    assert "not judged yet" in audit.judge_baseline(json.dumps(kept))[0]


def test_no_exception_is_there_without_need() -> None:
    found = {line.partition(":")[0] for line in audit.audit_licences(exceptions=())}
    installed = {package.name for package in distributions()}
    assert found == set(audit.EXCEPTIONS) & installed


def test_a_licence_that_is_not_allowed_is_found() -> None:
    assert audit.audit_licences() == []
    found = audit.audit_licences(audit.LICENCES - {"BSD-3-Clause"})
    assert any(line.startswith("Flask: ") for line in found)


@pytest.mark.parametrize(
    ("licence", "fits"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-3.0", True),
        ("MIT AND GPL-3.0", False),
        ("MIT License; GNU Affero General Public License v3", False),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("UNKNOWN", False),
    ],
)
def test_licences_are_read_part_by_part(licence: str, fits: bool) -> None:
    assert audit.is_allowed(licence) is fits


@pytest.mark.slow
def test_the_bill_of_materials_names_what_is_installed() -> None:
    assert audit.write_sbom() == []
    bill = json.loads(audit.SBOM.read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert "tink" in {part["name"] for part in bill["components"]}


def test_advisories_that_nobody_could_ask_are_no_pass(capsys: pytest.CaptureFixture[str]) -> None:
    known = {"name": "a", "version": "1", "vulns": [{"id": "CVE-1"}]}
    clean = {"name": "b", "version": "1", "vulns": []}
    skipped = {"name": "c", "skip_reason": "not found"}

    def judge(*packages: object, offline: bool = False) -> list[str]:
        return audit.judge_advisories(json.dumps({"dependencies": packages}), offline=offline)

    assert judge(clean) == []
    assert judge(clean, known) == ["a 1: CVE-1"]
    assert "NOT checked" in judge(clean, skipped)[0]
    assert "NOT checked" in audit.judge_advisories("", offline=False)[0]
    assert capsys.readouterr().out == ""
    assert judge(skipped, known, offline=True) == ["a 1: CVE-1"]
    assert "!!! vulnerabilities were NOT checked" in capsys.readouterr().out


class _Osv(BaseHTTPRequestHandler):
    """An advisory service that knows one vulnerability: of the locked kombu."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fault = {"id": "OSV-1", "summary": "a fault", "affected": [], "details": ""}
        found = {"vulns": [fault]} if asked["package"]["name"] == "kombu" else {}
        body = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing to standard error."""


def test_a_locked_package_with_a_known_fault_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    text = Path("requirements/base.txt").read_text()
    wanted = [b for b in re.split(r"\n(?=\S)", text) if b.startswith(("kombu==", "click=="))]
    lock.write_text("\n".join(wanted))
    with ThreadingHTTPServer(("127.0.0.1", 0), _Osv) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1/query"
        found = audit.audit_advisories([str(lock)], osv_url=url)
        server.shutdown()
    assert [line.partition(" ")[0] for line in found] == ["kombu"]


def test_every_lock_is_audited() -> None:
    assert {Path(lock) for lock in audit.LOCKS} == set(Path("requirements").glob("*.txt"))


def test_nginx_with_a_fault_is_found(tmp_path: Path) -> None:
    assert audit.audit_nginx(tmp_path) == []
    file = tmp_path / "site.conf"
    # a location without a trailing slash allows path traversal out of the folder
    file.write_text("server { location /files { alias /srv/files/; } }\n")
    assert any("alias" in line for line in audit.audit_nginx(tmp_path))
