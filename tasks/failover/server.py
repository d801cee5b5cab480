"""One database server in a fail-over: queries of its state, and commands to it."""

import socket
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Literal

from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from models.core import tls
from models.core.database.servers import server_name
from models.core.settings import settings
from models.core.waiting import wait_until
from models.rules.gtids import Position, has_reached, parse_position
from tasks.failover import promotions

#: The lock that a process must hold on a server to promote it.
LOCK: Final = "maitred-failover"
#: Seconds after which a waiting query is repeated.
_TURN: Final = 0.5
_NO_SUCH_THREAD: Final = 1094
#: error codes of a server that answers but denies this account access
_DENIED: Final = frozenset({1044, 1045, 1130, 1698})
_VARIABLES: Final = (
    "SELECT @@global.read_only, @@gtid_binlog_state, @@gtid_binlog_pos, @@gtid_slave_pos,"
    " @@global.rpl_semi_sync_master_enabled"
)
_SEMI_SYNC: Final = (
    "SHOW GLOBAL STATUS WHERE Variable_name IN"
    " ('Rpl_semi_sync_master_status', 'Rpl_semi_sync_master_clients')"
)
_GUESTS: Final = (
    "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID()"
    " AND user NOT IN ('system user', 'event_scheduler', SUBSTRING_INDEX(CURRENT_USER(), '@', 1))"
    " AND command NOT LIKE 'Binlog Dump%%'"
)

#: It answers; its port is closed, so that it is not running; or its state is unknown.
Reach = Literal["answers", "stopped", "silent"]


@dataclass(frozen=True, slots=True)
class Follows:
    """A replica's state: its source, the received position, and whether its threads run."""

    source: str
    receives: bool
    applies: bool
    received: Position
    error: str
    behind_seconds: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """The state of a server that answered."""

    read_only: bool
    state: Position
    written: Position
    replicated: Position
    follows: Follows | None
    semi_sync: bool
    semi_sync_wanted: bool
    #: of its newest promotion; None where the account of FAILOVER_URL cannot read that
    epoch: int | None = None

    @property
    def takes_writes(self) -> bool:
        """Whether Maitred can write there."""
        return not self.read_only


class DatabaseServer:
    """One server of FAILOVER_URL. When it does not answer, calls raise the driver's error."""

    def __init__(self, url: URL, *, answer_seconds: int = 30) -> None:
        self.url = url
        self.name = server_name(url)
        self._connection: Connection | None = None
        self._patience = min(settings().database_connect_seconds, answer_seconds)
        self._engine = create_engine(
            url,
            hide_parameters=True,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={
                "connect_timeout": self._patience,
                "read_timeout": answer_seconds,
                "write_timeout": answer_seconds,
                **tls.database_arguments(url),
            },
        )

    def close(self) -> None:
        """Close the connection, which releases its lock."""
        if self._connection is not None:
            with suppress(DBAPIError):
                self._connection.close()
        self._connection = None

    def _run(self, statement: str, *values: object) -> Any:
        if self._connection is None:
            self._connection = self._engine.connect()
        try:
            return self._connection.exec_driver_sql(statement, tuple(values))
        except DBAPIError as error:
            if error.connection_invalidated:
                self.close()
            raise

    # --- queries

    def reach(self) -> Reach:
        """Return whether it answers, is certainly stopped, or is silent.

        Raises the driver's error when it denies access.
        """
        try:
            self._run("SELECT 1")
        except DBAPIError as error:
            if error.orig is not None and error.orig.args[0] in _DENIED:
                raise
            return "stopped" if self._nobody_listens() else "silent"
        return "answers"

    def _nobody_listens(self) -> bool:
        """Whether its machine reports a closed port: no server runs, so none takes writes there."""
        try:
            place = (self.url.host or "", self.url.port or 3306)
            with socket.create_connection(place, timeout=self._patience):
                return False
        except ConnectionRefusedError:
            return True
        except OSError:
            return False

    def query(self) -> Facts:
        """Query its current state."""
        read_only, state, written, replicated, wanted = self._run(_VARIABLES).one()
        semi_sync = dict(self._run(_SEMI_SYNC).all())
        return Facts(
            read_only=bool(read_only),
            state=parse_position(state),
            written=parse_position(written),
            replicated=parse_position(replicated),
            follows=self._follows(),
            semi_sync=semi_sync.get("Rpl_semi_sync_master_status") == "ON"
            and int(semi_sync.get("Rpl_semi_sync_master_clients", 0)) > 0,
            semi_sync_wanted=bool(wanted),
            epoch=promotions.newest_epoch(self._run),
        )

    def log_files(self) -> list[str]:
        """Return the files of its binary log, oldest first."""
        return [str(row[0]) for row in self._run("SHOW BINARY LOGS").all()]

    def may_write_promotions(self) -> bool:
        """Whether a promotion can be written here while the server is read-only to others."""
        return promotions.may_write(self._run)

    def _follows(self) -> Follows | None:
        row = self._run("SHOW SLAVE STATUS").mappings().first()
        if row is None:
            return None
        return Follows(
            source=f"{row['Master_Host']}:{row['Master_Port']}",
            receives=row["Slave_IO_Running"] == "Yes",
            applies=row["Slave_SQL_Running"] == "Yes",
            received=parse_position(row["Gtid_IO_Pos"]),
            error=str(row["Last_SQL_Error"] or row["Last_IO_Error"] or ""),
            behind_seconds=row["Seconds_Behind_Master"],
        )

    def wait_for(self, wanted: Position, *, seconds: float) -> bool:
        """Wait until it has applied everything up to `wanted`; return whether it has."""
        text = ",".join(f"{domain}-{server}-{last}" for (domain, server), last in wanted.items())
        ends = monotonic() + seconds
        while self._run("SELECT MASTER_GTID_WAIT(%s, %s)", text, _TURN).scalar() != 0:
            if monotonic() > ends:
                return has_reached(self.query().replicated, wanted)
        return True

    # --- commands

    def take_lock(self) -> bool:
        """Take LOCK, held until `close`. Return False when another process holds it."""
        return bool(self._run("SELECT GET_LOCK(%s, 0)", LOCK).scalar() == 1)

    def fence(self) -> None:
        """Stop all writes: set it read-only, and kill the connections of clients.

        Replicas and other connections of this account, the operators', are spared.
        """
        self._run("SET SESSION lock_wait_timeout=2")
        try:
            self._run("SET GLOBAL read_only=1")
        except DBAPIError:
            # blocked by a long write, which ends when its connection is killed
            self._send_away()
            self._run("SET GLOBAL read_only=1")
        self._send_away()

    def _send_away(self) -> None:
        for (number,) in self._run(_GUESTS).all():
            try:
                self._run(f"KILL {int(number)}")
            except DBAPIError as error:
                if error.orig is None or error.orig.args[0] != _NO_SUCH_THREAD:
                    raise

    def open(self) -> None:
        """Allow writes."""
        self._run("SET GLOBAL read_only=0")

    def go_on_following(self) -> None:
        """Start receiving and applying; harmless where both run."""
        self._run("START SLAVE")

    def go_on_applying(self) -> None:
        """Start applying what was received."""
        self._run("START SLAVE SQL_THREAD")

    def stop_receiving(self) -> None:
        """Stop receiving; what was received is still applied."""
        self._run("STOP SLAVE IO_THREAD")

    def promote(self, *, epoch: int = 0) -> None:
        """Stop following, and take writes; an `epoch` is written before, as a promotion.

        Sent as one multi-statement, which the server completes even if this process dies.
        """
        self._run("STOP SLAVE")
        written = f"{promotions.insert_text(promotions.ONE)};" if epoch else ""
        raw = self._raw()
        cursor = raw.cursor()
        cursor.execute(
            f"RESET SLAVE ALL; {written} SET GLOBAL read_only=0",
            (epoch, self.name) if epoch else None,
        )
        while cursor.nextset():
            pass
        cursor.close()

    def _raw(self) -> Any:
        self._run("SELECT 1")
        connection = self._connection
        if connection is None:
            raise AssertionError("it was just asked")
        return connection.connection.dbapi_connection

    def follow(self, source: URL, *, begin: str = "") -> None:
        """Make it a replica of `source`, from position `begin`, or from its own last transaction.

        Over TLS where DATABASE_CA is set; verified with the server's own `ssl_ca`, if it has one.
        """
        self._run("STOP SLAVE")
        if begin:
            self._run("SET GLOBAL gtid_slave_pos=%s", begin)
        elif self.query().written:
            self._run("SET GLOBAL gtid_slave_pos=@@gtid_binlog_pos")
        authority = self._run("SELECT @@ssl_ca").scalar() or ""
        encrypted = settings().database_ca is not None
        self._run(
            "CHANGE MASTER TO MASTER_HOST=%s, MASTER_PORT=%s, MASTER_USER=%s, MASTER_PASSWORD=%s,"
            " MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=1,"
            " MASTER_SSL=%s, MASTER_SSL_CA=%s, MASTER_SSL_VERIFY_SERVER_CERT=%s",
            source.host or "",
            source.port or 3306,
            source.username or "",
            source.password or "",
            int(encrypted),
            authority if encrypted else "",
            int(encrypted and bool(authority)),
        )
        self._run("START SLAVE")


def wait_until_follows(server: DatabaseServer, *, seconds: float) -> bool:
    """Wait until a replica receives and applies; return whether it does. `query` has its errors."""

    def follows() -> bool:
        found = server.query().follows
        return found is not None and found.receives and found.applies

    return wait_until(follows, every=0.1, seconds=seconds)
