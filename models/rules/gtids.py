"""What a server holds, by MariaDB's global transaction ids (`domain-server-sequence`)."""

from collections.abc import Mapping
from dataclasses import dataclass

#: (domain, server) -> the last sequence number that this server wrote in this domain
Position = Mapping[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class Missing:
    """Transactions of one server, the first and the last of them."""

    domain: int
    server: int
    first: int
    last: int

    @property
    def count(self) -> int:
        """How many at most: in between, numbers may have been another server's."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        first, last = (
            f"{self.domain}-{self.server}-{number}" for number in (self.first, self.last)
        )
        return first if self.count == 1 else f"{first} to {last}"


def parse_position(text: str) -> dict[tuple[int, int], int]:
    """Read `0-1-17,0-2-19`, as the server writes a position or a state. Raises ValueError."""
    found: dict[tuple[int, int], int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        domain, server, number = (int(word) for word in part.split("-"))
        found[domain, server] = number
    return found


def has_reached(position: Position, wanted: Position) -> bool:
    """Whether a position (one id a domain) is at or past the other."""
    reached = _by_domain(position)
    return all(reached.get(domain, 0) >= last for domain, last in _by_domain(wanted).items())


def lacking(held: Position, *, by: Position, replicated: Position) -> tuple[Missing, ...]:
    """What a server holds that another never had.

    `held` and `by` are their states: the last number of every server. `replicated` is how far the
    other came as a replica: where its state says nothing of a server, it has all up to there.
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
