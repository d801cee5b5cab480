"""Receivers of alerts: Alertmanager refuses to start if an alert reaches nobody."""

import re
import subprocess
from pathlib import Path

import pytest

from deploy.watch.make import FOLDER
from tests.architecture.tree import ROOT
from tests.services.missing import require_program
from tests.services.running.process import wait_until
from tests.services.servers.alertmanager import SCRIPT, Alertmanager

PAGER = "pagerduty_configs: [{routing_key: abc}]"
MAIL = "email_configs: [{to: a@b.example, from: c@d.example, smarthost: 'mail.example.com:587'}]"


def receivers(page: str, ticket: str) -> str:
    return f"receivers:\n  - name: page\n    {page}\n  - name: 'ticket'\n    {ticket}\n"


def looked_at(folder: Path, text: str) -> tuple[int, str]:
    """Run the script in its checking mode on these receivers. Return status and output."""
    for program in ("amtool", "awk"):
        require_program(program)
    (folder / "receivers").write_text(text, encoding="utf-8")
    argv = ["sh", str(FOLDER / SCRIPT), str(folder / "receivers")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "ticket", [MAIL, PAGER, "webhook_configs: [{url: 'http://localhost/#1'}]  # ours"]
)
def test_a_receiver_that_can_be_reached_is_accepted(ticket: str, tmp_path: Path) -> None:
    code, said = looked_at(tmp_path, receivers(PAGER, ticket))
    assert code == 0, said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is missing or empty"),
        ("receivers: []\n", "the receiver `page` of"),
        (receivers("", MAIL), "the receiver `page` of"),
        (receivers("email_configs: []", MAIL), "the receiver `page` of"),
        (receivers(f"# {PAGER}", MAIL), "the receiver `page` of"),
        (receivers(PAGER, ""), "the receiver `ticket` of"),
        (receivers(MAIL, PAGER), "reached only by mail"),
        (receivers(PAGER.replace("routing", "rooting"), MAIL), "Alertmanager rejects"),
    ],
)
def test_where_an_alert_would_reach_nobody_it_is_refused(
    text: str, why: str, tmp_path: Path
) -> None:
    code, said = looked_at(tmp_path, text)
    assert (code, why in said) == (1, True), said


def test_what_secrets_sh_makes_waits_for_the_operator(tmp_path: Path) -> None:
    subprocess.run(["sh", ROOT / "deploy" / "secrets.sh", tmp_path / "s"], check=True, timeout=60)
    made = (tmp_path / "s" / "alert_receivers").read_text(encoding="utf-8")
    assert looked_at(tmp_path, made)[0] == 1
    # with the comment signs removed it is valid
    opened = "".join(
        f"{line.removeprefix('#')}\n"
        for line in made.splitlines()
        if not re.match(r"# \S", line)  # prose, not an example
    )
    code, said = looked_at(tmp_path, opened.replace('"..."', "someone@example.com"))
    assert code == 0, said


def test_alertmanager_itself_does_not_start_then(tmp_path: Path) -> None:
    nobody = Alertmanager(tmp_path / "alertmanager", "receivers: []\n")
    nobody.process.start()
    wait_until(lambda: not nobody.process.is_running, seconds=30, what="it to end")
    assert nobody.process.exit_code == 1
    assert "alerts would reach nobody" in nobody.process.tail()
    somebody = Alertmanager(tmp_path / "again", receivers(PAGER, PAGER))
    somebody.start()
    somebody.stop()
