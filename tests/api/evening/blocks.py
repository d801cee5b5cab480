"""The blocks in force, as the answers to the host said, compared with the book."""

from dataclasses import dataclass, field
from typing import Any

from models.rules.reservations.lifecycle import HOLDING
from tests.api.evening.spans import quarters, span


@dataclass(slots=True)
class Block:
    """Tables that nobody is given, but the parties that kept theirs."""

    tables: frozenset[str]
    start: str
    end: str
    kept: set[str]


@dataclass(slots=True)
class Blocks:
    """The blocks that were made and not lifted."""

    known: dict[str, Block] = field(default_factory=dict)

    def made(self, said: dict[str, Any]) -> None:
        """Note a block from its answer."""
        kept = {each["reservation_id"] for each in said["parties"] if not each["moved_to"]}
        tables = frozenset(said["tables"])
        self.known[said["id"]] = Block(tables, said["start"], said["end"], kept)

    def lifted(self, said: dict[str, Any]) -> None:
        """Note that a block is over."""
        assert said["lifted_at"], said
        del self.known[said["id"]]

    def compare(self, book: dict[str, Any]) -> None:
        """Fail unless the book shows these blocks, and nobody has their tables."""
        shown = {
            (table["label"], each["block_id"], each["start"], each["end"])
            for table in book["tables"]
            for each in table["blocks"]
        }
        assert shown == {
            (label, number, each.start, each.end)
            for number, each in self.known.items()
            for label in each.tables
        }
        for block in self.known.values():
            first, end = quarters(block.start, block.end)
            for row in book["reservations"]:
                if row["status"] in HOLDING and not block.tables.isdisjoint(row["tables"]):
                    begins, ends = span(row)
                    assert ends <= first or begins >= end or row["id"] in block.kept, (block, row)
