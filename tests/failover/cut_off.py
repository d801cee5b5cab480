"""A primary that is cut off while another is promoted in its place, and returns."""

from tests.deploy.cli.test_cli import run
from tests.failover.pair import Pair, is_read_only
from tests.services.running.process import wait_until
from tests.services.servers.mariadb import MariaDB

QUICK = ("--wait", "0", "--no-backup")


def cut_off_and_back(pair: Pair) -> None:
    """Pause the first, promote the second with `--old-is-gone`, and resume the first."""
    pair.one.pause()
    wait_until(lambda: _hears_nobody(pair.two), seconds=30, what="the replica to notice too")
    assert (
        "--old-is-gone confirms that it is stopped"
        in run("failover", "promote", "--old-is-gone", *QUICK).output
    )
    pair.one.resume()
    assert not is_read_only(pair.one), "the old primary takes writes: else nothing is tested"
    assert not is_read_only(pair.two)


def _hears_nobody(replica: MariaDB) -> bool:
    query = (
        "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS"
        " WHERE VARIABLE_NAME = 'Slave_running'"
    )
    return replica.ask(query) != [("ON",)]
