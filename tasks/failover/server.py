"""One database server as the one who fails over sees it: a look, and what it can be told."""

import socket
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, Final, Literal

from sqlalchemy import URL, Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from models.core import tls
from models.core.database.servers import server_name
from models.core.settings import settings
from models.rules.gtids import Position, has_reached, parse_position
from tasks.failover import promotions

#: Only who holds it on the server that is promoted may promote it.
LOCK: Final = "maitred-failover"
#: One turn of a wait: the server is asked again after so many seconds.
_TURN: Final = 0.5
_NO_SUCH_THREAD: Final = 1094
#: it answers, and lets this account not in
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

#: It answers; nobody listens at its port, so that it does not run; nothing is heard of it.
Reach = Literal["answers", "stopped", "silent"]


@dataclass(frozen=True, slots=True)
class Follows:
    """A replica's state: of whom, how far it has received, whether it goes on."""

    source: str
    receives: bool
    applies: bool
    received: Position
    error: str
    behind_seconds: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """One look at a server that answered."""

    read_only: bool
    state: Position
    written: Position
    replicated: Position
    follows: Follows | None
    semi_sync: bool
    semi_sync_wanted: bool
    #: of the newest promotion that it knows; None where FAILOVER_URL's account may not read that
    epoch: int | None = None

    @property
    def takes_writes(self) -> bool:
        """Whether the house can write there."""
        return not self.read_only


class Server:
    """One server of FAILOVER_URL. Every call raises the driver's error when it does not answer."""

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
        """End the connection, and so its lock."""
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

    # --- looking

    def reach(self) -> Reach:
        """Whether it answers, surely does not run, or cannot be told."""
        try:
            self._run("SELECT 1")
        except DBAPIError as error:
            if error.orig is not None and error.orig.args[0] in _DENIED:
                raise
            return "stopped" if self._nobody_listens() else "silent"
        return "answers"

    def _nobody_listens(self) -> bool:
        """Its machine lives and says that the port is closed: no server, so nobody writes there."""
        try:
            place = (self.url.host or "", self.url.port or 3306)
            with socket.create_connection(place, timeout=self._patience):
                return False
        except ConnectionRefusedError:
            return True
        except OSError:
            return False

    def look(self) -> Facts:
        """All that matters of it, now."""
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
        """The files of its binary log, the oldest first."""
        return [str(row[0]) for row in self._run("SHOW BINARY LOGS").all()]

    def may_write_promotions(self) -> bool:
        """Whether a promotion can be written down here before anybody else can write."""
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
        """Wait until it has applied all up to there; whether it has."""
        text = ",".join(f"{domain}-{server}-{last}" for (domain, server), last in wanted.items())
        ends = monotonic() + seconds
        while self._run("SELECT MASTER_GTID_WAIT(%s, %s)", text, _TURN).scalar() != 0:
            if monotonic() > ends:
                return has_reached(self.look().replicated, wanted)
        return True

    # --- telling

    def take_lock(self) -> bool:
        """Be the only one who promotes it, until `close`. False when another does."""
        return bool(self._run("SELECT GET_LOCK(%s, 0)", LOCK).scalar() == 1)

    def fence(self) -> None:
        """No write from now on: read-only, and everybody but replicas and operators sent away."""
        self._run("SET SESSION lock_wait_timeout=2")
        try:
            self._run("SET GLOBAL read_only=1")
        except DBAPIError:
            # a long write holds it up: it ends with its connection
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
        """Take writes."""
        self._run("SET GLOBAL read_only=0")

    def go_on_following(self) -> None:
        """Receive and apply, where it does not."""
        self._run("START SLAVE")

    def go_on_applying(self) -> None:
        """Apply what was received."""
        self._run("START SLAVE SQL_THREAD")

    def stop_receiving(self) -> None:
        """Nothing comes any more; what came is applied."""
        self._run("STOP SLAVE IO_THREAD")

    def promote(self, *, epoch: int = 0) -> None:
        """Follow nobody, and take writes; with an epoch, that is written down before.

        In one statement for the server: it does all, whatever becomes of who asked.
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
        """Become a replica of `source`: from `begin`, or from the last that it holds itself.

        Over TLS where DATABASE_CA is set; checked by the server's own `ssl_ca`, where it has one.
        """
        self._run("STOP SLAVE")
        if begin:
            self._run("SET GLOBAL gtid_slave_pos=%s", begin)
        elif self.look().written:
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


def wait_until_follows(server: Server, *, seconds: float) -> bool:
    """Wait until a replica receives and applies; whether it does. Its errors are in `look`."""
    ends = monotonic() + seconds
    while True:
        follows = server.look().follows
        if follows is not None and follows.receives and follows.applies:
            return True
        if monotonic() > ends:
            return False
        sleep(0.1)
