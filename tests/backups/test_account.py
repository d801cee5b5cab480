"""How the database's own programs sign in: no password among the arguments, TLS where available."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tasks.backups.databases.account import account_file, option_text
from tasks.backups.databases.dumps import Dump, DumpedServer
from tasks.backups.databases.sources import ServerFiles
from tasks.backups.faults import BackupFailed
from tests.services.running import surroundings
from tests.services.servers.certificates import make_certificates
from tests.services.servers.mariadb import MariaDB


def test_the_file_is_for_its_owner_and_goes_away(service_env: dict[str, str]) -> None:
    url = make_url("mysql+mysqldb://maitred:it%22s%5C%23secret@db.example:3307/maitred")
    with account_file(url) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        text = path.read_text()
    assert not path.exists()
    assert 'password="it\\"s\\\\#secret"' in text
    assert 'host="db.example"' in text
    assert 'port="3307"' in text
    assert "ssl" not in text


def test_a_socket_needs_no_host(service_env: dict[str, str]) -> None:
    text = option_text(make_url("mysql+mysqldb://maitred@localhost/maitred?unix_socket=/run/s"))
    assert 'socket="/run/s"' in text
    assert "host" not in text
    assert "password" not in text


def test_backups_travel_over_tls_to_the_right_server_alone(
    tmp_path: Path, service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = make_certificates(tmp_path / "right"), make_certificates(tmp_path / "wrong")

    class TlsMariaDB(MariaDB):
        def _argv(self, data: Path) -> list[str]:
            shown = [f"--ssl-cert={right.certificate}", f"--ssl-key={right.key}"]
            return [*super()._argv(data), f"--ssl-ca={right.authority}", *shown]

    server = TlsMariaDB(tmp_path / "server")
    server.start()
    try:
        server.run("CREATE USER 'tls'@'%' IDENTIFIED BY 'only-for-tests' REQUIRE SSL")
        server.run("GRANT ALL ON *.* TO 'tls'@'%'")
        server.new_database("maitred")
        server.run("CREATE TABLE guests_book (id INT PRIMARY KEY)", database="maitred")
        url = make_url(f"mysql+mysqldb://tls:only-for-tests@127.0.0.1:{server.port}/maitred")
        about = DumpedServer("10.11-MariaDB", server.folder / "data", identity="1", has_log=False)
        dump, files = Dump(url, about), ServerFiles(url, about)
        surroundings.settle(monkeypatch, service_env | {"DATABASE_CA": str(right.authority)})
        with dump.stream(0) as stream:
            assert b"guests_book" in stream.read()
        with files.stream(0) as stream:
            assert b"guests_book" in stream.read()
        surroundings.settle(monkeypatch, service_env | {"DATABASE_CA": str(wrong.authority)})
        for source in (dump, files):
            with pytest.raises(BackupFailed, match="failed"), source.stream(0) as stream:
                stream.read()
    finally:
        server.kill()
