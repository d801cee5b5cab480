"""Two MariaDB servers with production's option file: a primary and its replica."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.tree import ROOT
from tests.services.running.schema import create_tables
from tests.services.running.together import answers, together
from tests.services.servers.mariadb import PASSWORD, MariaDB

CONFIG = ROOT / "deploy" / "mariadb" / "replicated.cnf"
DATABASE = "maitred"
#: grants of docs/failover.md to the account that fails over
GRANTS = (
    "REPLICATION SLAVE, REPLICATION SLAVE ADMIN, SLAVE MONITOR, BINLOG MONITOR, READ_ONLY ADMIN,"
    " CONNECTION ADMIN, PROCESS, RELOAD"
)
#: and on the table of promotions; CREATE, because the table may not exist yet
PROMOTIONS = "SELECT, INSERT, CREATE"


def make_seed(folder: Path) -> Path:
    """Make a data folder with the accounts and every table, from a server shut down cleanly."""
    server = MariaDB(folder, config=CONFIG, options=["--server-id=1"])
    server.start()
    server.new_database(DATABASE)
    server.run(
        f"CREATE USER 'app'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
        f"GRANT ALL ON {DATABASE}.* TO 'app'@'127.0.0.1'",
        f"CREATE USER 'failover'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'",
        f"GRANT {GRANTS} ON *.* TO 'failover'@'127.0.0.1'",
        f"GRANT {PROMOTIONS} ON {DATABASE}.promotions TO 'failover'@'127.0.0.1'",
    )
    create_tables(server.url(DATABASE))
    server.stop()
    return folder / "data"


@dataclass
class Pair:
    """`one` begins as the primary, `two` as its replica."""

    one: MariaDB
    two: MariaDB

    @property
    def servers(self) -> Sequence[MariaDB]:
        return (self.one, self.two)

    @property
    def hosts(self) -> str:
        """The addresses as they stand in a URL."""
        return ",".join(name_of(server) for server in self.servers)

    @property
    def database_url(self) -> str:
        """The product's URL, with both servers."""
        return f"mysql+mysqldb://app:{PASSWORD}@{self.hosts}/{DATABASE}"

    @property
    def failover_url(self) -> str:
        """The URL of the operator's account."""
        return f"mysql+mysqldb://failover:{PASSWORD}@{self.hosts}/"

    def kill(self) -> None:
        for server in self.servers:
            server.kill()


def name_of(server: MariaDB) -> str:
    """`host:port`."""
    return f"127.0.0.1:{server.port}"


def start_pair(seed: Path, folder: Path) -> Pair:
    """Start both servers on copies of the same data folder, read-only and not connected yet."""
    servers = []
    for number in (1, 2):
        place = folder / str(number)
        shutil.copytree(seed, place / "data")
        servers.append(MariaDB(place, config=CONFIG, options=[f"--server-id={number}"]))
    answers(together(lambda server: server.start(), servers))
    return Pair(*servers)


def is_read_only(server: MariaDB) -> bool:
    """Whether the server accepts writes from administrators only."""
    ((read_only,),) = server.ask("SELECT @@global.read_only")
    return bool(read_only)
