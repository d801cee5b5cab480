"""`maitred` reads the file `.env` of the current folder in Compose's format."""

import os
from pathlib import Path

import pytest

from deploy.env_file import join_env_file, read_env_file
from tests.services.pages import Machine
from tests.services.running.surroundings import environment

LINES = """# a comment
A=1
export B = two words  # and a comment
C='single # kept'
D="double"
E=
F=mysql+mysqldb://me:p#w@one:3306,two:3306/maitred?charset=utf8
G=#nothing
no setting
"""


def test_lines_are_read_as_compose_reads_them(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(LINES, encoding="utf-8")
    assert read_env_file(tmp_path / ".env") == {
        "A": "1",
        "B": "two words",
        "C": "single # kept",
        "D": "double",
        "E": "",
        "F": "mysql+mysqldb://me:p#w@one:3306,two:3306/maitred?charset=utf8",
        "G": "",
    }


def test_the_environment_comes_first_and_the_embedded_mode_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("MAIL_FROM=file\nSMTP_HELO=file\n", encoding="utf-8")
    monkeypatch.setenv("MAIL_FROM", "shell")
    monkeypatch.delenv("SMTP_HELO", raising=False)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "ports.json").write_text("{}", encoding="ascii")
    join_env_file(tmp_path)
    assert "SMTP_HELO" not in os.environ
    (tmp_path / "var" / "ports.json").unlink()
    monkeypatch.setenv("SMTP_HELO", "")  # so that monkeypatch restores it
    monkeypatch.delenv("SMTP_HELO")
    join_env_file(tmp_path)
    assert (os.environ["MAIL_FROM"], os.environ["SMTP_HELO"]) == ("shell", "file")


def test_a_command_needs_nothing_but_the_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/maitred.db"
    settings = environment(tmp_path, database_url=url)
    machine = Machine(tmp_path / "machine", settings)
    machine.run("maitred migrate && maitred check")
    (machine.folder / ".env").unlink()
    assert "DATABASE_URL" in machine.run("maitred check", ends=2)
