"""All servers of FAILOVER_URL at one look: who takes writes, who follows whom, who is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from models.core.database.servers import split_url
from models.core.settings import settings
from tasks.failover.faults import FailoverRefused
from tasks.failover.server import Facts, Reach, Server


@dataclass(frozen=True, slots=True)
class Seen:
    """A server and what was found: its facts, or why there are none."""

    server: Server
    reach: Reach
    facts: Facts | None

    @property
    def name(self) -> str:
        """`host:port`."""
        return self.server.name

    @property
    def takes_writes(self) -> bool:
        """Whether it answers and the house can write there."""
        return self.facts is not None and self.facts.takes_writes

    @property
    def epoch(self) -> int:
        """Of the newest promotion that it knows; 0 where that cannot be told."""
        return (self.facts.epoch if self.facts else None) or 0

    @property
    def is_replica(self) -> bool:
        """Whether it answers and follows another server, however well."""
        return self.facts is not None and self.facts.follows is not None


@dataclass(frozen=True, slots=True)
class Picture:
    """What all servers said."""

    seen: tuple[Seen, ...]

    @property
    def newest(self) -> int:
        """The epoch of the newest promotion that any of them knows."""
        return max(one.epoch for one in self.seen)

    @property
    def replaced(self) -> list[Seen]:
        """Who takes writes though another was promoted in its place."""
        return [
            one
            for one in self.seen
            if one.takes_writes and one.facts and one.facts.epoch is not None
            if one.facts.epoch < self.newest
        ]

    @property
    def primary(self) -> Seen | None:
        """Who takes writes, and was not replaced; None when nobody does.

        Raises FailoverRefused when several do, and no promotion says which of them it is.
        """
        replaced = self.replaced
        writers = [one for one in self.seen if one.takes_writes and one not in replaced]
        if len(writers) > 1:
            names = " and ".join(one.name for one in writers)
            raise FailoverRefused(
                f"{names} take writes at once, and no promotion tells which of them is the "
                "primary: docs/failover.md, 4, says how to find out and what to do"
            )
        return writers[0] if writers else None

    def named(self, name: str) -> Seen:
        """The server of that name. Raises FailoverRefused when FAILOVER_URL has none."""
        for one in self.seen:
            if one.name == name:
                return one
        names = ", ".join(one.name for one in self.seen)
        raise FailoverRefused(f"FAILOVER_URL names no {name}: there are {names}")

    def others(self, than: Seen) -> list[Seen]:
        """All but one."""
        return [one for one in self.seen if one is not than]

    def with_new_look_at(self, one: Seen) -> "Picture":
        """The same, but for one server that is asked again."""
        return Picture(tuple(_see(one.server) if each is one else each for each in self.seen))


@contextmanager
def all_servers(*, answer_seconds: int = 30) -> Iterator[tuple[Server, ...]]:
    """The servers of FAILOVER_URL, their connections ended in the end.

    Raises FailoverRefused where it names fewer than two.
    """
    url = settings().failover_url
    urls = split_url(url) if url else ()
    if len(urls) < 2:
        raise FailoverRefused(
            "FAILOVER_URL must name two servers: mysql+mysqldb://failover:password@one,two/"
        )
    servers = tuple(Server(one, answer_seconds=answer_seconds) for one in urls)
    try:
        yield servers
    finally:
        for server in servers:
            server.close()


def look_at(servers: tuple[Server, ...]) -> Picture:
    """Ask each of them."""
    return Picture(tuple(_see(server) for server in servers))


def _see(server: Server) -> Seen:
    try:
        reach = server.reach()
        return Seen(server, reach, server.look() if reach == "answers" else None)
    except DBAPIError as error:
        if error.connection_invalidated:
            return Seen(server, server.reach(), None)
        raise FailoverRefused(f"{server.name}: {error.orig}") from error
