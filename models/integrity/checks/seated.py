"""Check that no two parties sit at one table, and that a seated party has its table's row."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.core.database.transactions import table_of
from models.entities.reservations import SeatedTable
from models.integrity.finding import Files, Finding
from models.integrity.table_uses import Use
from models.rules.reservations.lifecycle import Status


class SeatedRow(NamedTuple):
    """The party seated at a table, according to the table's row."""

    reservation_id: int
    restaurant_id: int


def seated(
    files: Files, table_id: int, uses: Sequence[Use], sitter: SeatedRow | None
) -> Iterator[Finding]:
    """A seated party has its table until it leaves, whatever its turn. `sitter`: the row, if any.

    A row of a party that has left is ignored; a job removes it.
    """
    here = [use.reservation_id for use in uses if use.status == Status.SEATED]
    if not here:
        return
    where, ids = files.table_name(table_id), tuple(sorted(here))
    if len(here) > 1:
        names = ", ".join(str(number) for number in ids)
        yield Finding("seated-twice", ids, f"reservations {names} are all seated at {where}")
    elif sitter is None or sitter.reservation_id != here[0]:
        text = f"reservation {here[0]} is seated at {where}, but no row of seated_tables says so"
        yield Finding("seated-row", ids, text)
    elif sitter.restaurant_id != files.tables[table_id].restaurant_id:
        yield Finding("seated-row", ids, f"{where} has a seated_tables row of another restaurant")


def read_sitters(session: Session, table_ids: Sequence[int]) -> dict[int, SeatedRow]:
    """The rows of these tables."""
    row = table_of(SeatedTable).c
    query = select(row.dining_table_id, row.reservation_id, row.restaurant_id)
    return {
        found.dining_table_id: SeatedRow(found.reservation_id, found.restaurant_id)
        for found in session.execute(query.where(row.dining_table_id.in_(table_ids)))
    }
