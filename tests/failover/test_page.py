"""Each command of docs/failover.md is run as it stands there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from tests.deploy.test_cli import run
from tests.failover.pair import GRANTS, PROMOTIONS, Pair, is_read_only
from tests.services.mariadb import MariaDB

pytestmark = pytest.mark.mariadb
QUICK = ("--wait", "0", "--no-backup")
PAGE = (ROOT / "docs" / "failover.md").read_text(encoding="utf-8")


def _commands() -> list[str]:
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines()]


def _maitred(command: str, *more: str, ends: int = 0) -> str:
    name, *words = command.split()
    assert name == "maitred"
    return run(*words, *more, ends=ends).output


def _seed(primary: MariaDB, folder: Path, backup: str, prepare: str, position: str) -> str:
    """What the page says, with the places of the tests; the position."""
    for line, more in (
        (backup, [f"--datadir={primary.folder}/data", f"--socket={primary.socket}", "--user=root"]),
        (prepare, []),
    ):
        name, *words = line.replace("SEED", str(folder)).split()
        argv = [name, "--no-defaults", *words, *more]
        done = subprocess.run(argv, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    cat, file = position.replace("SEED", str(folder)).split()
    assert cat == "cat"
    return Path(file).read_text(encoding="ascii").split()[-1]


def test_the_page_is_right(pair: Pair, tmp_path: Path) -> None:
    look, take_over, vouch, rejoin, back, backup, prepare, position, seeded, watch = _commands()
    assert "takes writes" in _maitred(look)
    pair.one.kill()
    assert "no server runs there" in _maitred(take_over, *QUICK)
    assert not is_read_only(pair.two)
    # a second time, and with a promise more: nothing to do
    assert "nothing to do" in _maitred(vouch, *QUICK)
    # the old one is of no use any more: seeded anew
    shutil.rmtree(pair.one.folder / "data")
    at = _seed(pair.two, tmp_path / "seed", backup, prepare, position)
    shutil.copytree(tmp_path / "seed", pair.one.folder / "data")
    pair.one.start()
    assert "seed it" in _maitred(rejoin, ends=1)
    assert "has all" in _maitred(seeded.replace("GTID", at))
    assert "has all" in _maitred(rejoin)
    assert "lost: nothing" in _maitred(back, *QUICK)
    assert not is_read_only(pair.one)
    # tests/failover/test_region_lost.py runs it
    assert watch == "maitred failover --watch"


def test_the_page_grants_what_the_tests_have() -> None:
    assert GRANTS in " ".join(PAGE.split())
    assert f"GRANT {PROMOTIONS} ON maitred.promotions TO 'failover'" in PAGE
