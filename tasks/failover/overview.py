"""The state of all servers of FAILOVER_URL: primaries, replicas and their sources, outages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from models.core.database.servers import split_url
from models.core.settings import settings
from tasks.failover.faults import FailoverRefused
from tasks.failover.server import DatabaseServer, Facts, Reach


@dataclass(frozen=True, slots=True)
class Seen:
    """A server and its facts; or `reach`, the reason why there are none."""

    server: DatabaseServer
    reach: Reach
    facts: Facts | None

    @property
    def name(self) -> str:
        """`host:port`."""
        return self.server.name

    @property
    def takes_writes(self) -> bool:
        """Whether it answers and Maitred can write there."""
        return self.facts is not None and self.facts.takes_writes

    @property
    def epoch(self) -> int:
        """The epoch of the newest promotion that it has; 0 where that is unknown."""
        return (self.facts.epoch if self.facts else None) or 0

    @property
    def is_replica(self) -> bool:
        """Whether it answers and is set up to follow another server, working or not."""
        return self.facts is not None and self.facts.follows is not None


@dataclass(frozen=True, slots=True)
class Overview:
    """A snapshot of all servers."""

    seen: tuple[Seen, ...]

    @property
    def newest(self) -> int:
        """The epoch of the newest promotion that any of them has."""
        return max(one.epoch for one in self.seen)

    @property
    def replaced(self) -> list[Seen]:
        """The servers that take writes although another was promoted in their place."""
        return [
            one
            for one in self.seen
            if one.takes_writes and one.facts and one.facts.epoch is not None
            if one.facts.epoch < self.newest
        ]

    @property
    def primary(self) -> Seen | None:
        """The server that takes writes and was not replaced; None without one.

        Raises FailoverRefused when there are several and no promotion decides between them.
        """
        replaced = self.replaced
        writers = [one for one in self.seen if one.takes_writes and one not in replaced]
        if len(writers) > 1:
            names = " and ".join(one.name for one in writers)
            raise FailoverRefused(
                f"{names} take writes at the same time, and no promotion shows which of them "
                "is the primary: see docs/failover.md, 4"
            )
        return writers[0] if writers else None

    def named(self, name: str) -> Seen:
        """Return the server of that name. Raises FailoverRefused when FAILOVER_URL lacks it."""
        for one in self.seen:
            if one.name == name:
                return one
        names = ", ".join(one.name for one in self.seen)
        raise FailoverRefused(f"FAILOVER_URL does not name {name}, only {names}")

    def others(self, than: Seen) -> list[Seen]:
        """Return all servers but this one."""
        return [one for one in self.seen if one is not than]

    def with_refreshed(self, one: Seen) -> "Overview":
        """Return the snapshot with one server queried again."""
        return Overview(tuple(_see(one.server) if each is one else each for each in self.seen))


@contextmanager
def all_servers(*, answer_seconds: int = 30) -> Iterator[tuple[DatabaseServer, ...]]:
    """Yield the servers of FAILOVER_URL; their connections are closed at the end.

    Raises FailoverRefused where it names fewer than two.
    """
    url = settings().failover_url
    urls = split_url(url) if url else ()
    if len(urls) < 2:
        raise FailoverRefused(
            "FAILOVER_URL must name two servers: mysql+mysqldb://failover:password@one,two/"
        )
    servers = tuple(DatabaseServer(one, answer_seconds=answer_seconds) for one in urls)
    try:
        yield servers
    finally:
        for server in servers:
            server.close()


def query_servers(servers: tuple[DatabaseServer, ...]) -> Overview:
    """Query each server. Raises FailoverRefused for a database error other than an outage."""
    return Overview(tuple(_see(server) for server in servers))


def _see(server: DatabaseServer) -> Seen:
    try:
        reach = server.reach()
        return Seen(server, reach, server.query() if reach == "answers" else None)
    except DBAPIError as error:
        if error.connection_invalidated:
            return Seen(server, server.reach(), None)
        raise FailoverRefused(f"{server.name}: {error.orig}") from error
