"""Database positions as MariaDB global transaction ids (`domain-server-sequence`)."""

from collections.abc import Mapping
from dataclasses import dataclass

#: (domain, server) -> the last sequence number that the server wrote in the domain
Position = Mapping[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class Missing:
    """A range of transactions of one server, `first` to `last`, both inclusive."""

    domain: int
    server: int
    first: int
    last: int

    @property
    def count(self) -> int:
        """The most transactions this can be: other servers may have used numbers in between."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        first, last = (
            f"{self.domain}-{self.server}-{number}" for number in (self.first, self.last)
        )
        return first if self.count == 1 else f"{first} to {last}"


def parse_position(text: str) -> dict[tuple[int, int], int]:
    """Parse `0-1-17,0-2-19`, the server's format of a position or state. Raises ValueError."""
    found: dict[tuple[int, int], int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        domain, server, number = (int(word) for word in part.split("-"))
        found[domain, server] = number
    return found


def has_reached(position: Position, wanted: Position) -> bool:
    """Whether `position` (one id per domain) is at or past `wanted` in every domain."""
    reached = _by_domain(position)
    return all(reached.get(domain, 0) >= last for domain, last in _by_domain(wanted).items())


def lacking(held: Position, *, by: Position, replicated: Position) -> tuple[Missing, ...]:
    """The transactions that one server has and another never had.

    `held` and `by` are the states of the two: the last sequence number by server. `replicated` is
    the position that the other reached as a replica: for a server missing from `by`, the other has
    everything up to there.
    """
    begun = _by_domain(replicated)
    found = []
    for (domain, server), last in sorted(held.items()):
        had = by.get((domain, server), begun.get(domain, 0))
        if last > had:
            found.append(Missing(domain, server, had + 1, last))
    return tuple(found)


def _by_domain(position: Position) -> dict[int, int]:
    furthest: dict[int, int] = {}
    for (domain, _server), number in position.items():
        furthest[domain] = max(number, furthest.get(domain, 0))
    return furthest
