"""Laws: conditions that must hold for every row, by itself and with the row it refers to.

A law is a condition in SQL, so that the database reads millions of rows and returns only the few
that break one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, case, or_, select
from sqlalchemy.orm import Session

from models.integrity.finding import Finding


@dataclass(frozen=True, slots=True)
class Law:
    """`broken` is true for a row that breaks the law; `text` says how.

    `among`: the law applies to these rows only. Laws with the same `among` are evaluated together,
    so that the database tests it once per row.
    """

    text: str
    broken: ColumnElement[bool]
    rule: str = "row"
    among: ColumnElement[bool] | None = None

    @property
    def whole(self) -> ColumnElement[bool]:
        """`broken` for any row, with `among` included."""
        return self.broken if self.among is None else and_(self.among, self.broken)


def breaches(
    session: Session,
    what: str,
    key: ColumnElement[Any],
    party: ColumnElement[Any],
    source: FromClause,
    laws: Sequence[Law],
    *,
    limit: int,
) -> Iterator[Finding]:
    """The rows of `source` that break one of the laws; `party` is the reservation concerned.

    Read in the order of its first table, which is the order on the disk: nearly every row is read.
    """
    flags = [case((law.whole, 1), else_=0) for law in laws]
    query = select(key, party, *flags).select_from(source).where(or_(*_by_rows(laws)))
    query = query.limit(limit).prefix_with("STRAIGHT_JOIN", dialect="mysql")
    for number, reservation, *broken in session.execute(query):
        name = f"reservation {reservation}"
        name = name if number == reservation else f"{what} {number} of {name}"
        for law, is_broken in zip(laws, broken, strict=True):
            if is_broken:
                yield Finding(law.rule, (reservation,), f"{name} {law.text}")


def _by_rows(laws: Sequence[Law]) -> Iterator[ColumnElement[bool]]:
    """The laws without `among` first, then those that share one."""
    sharing = {id(law.among): law.among for law in laws if law.among is not None}
    yield from (law.broken for law in laws if law.among is None)
    for key, among in sharing.items():
        yield and_(among, or_(*[law.broken for law in laws if id(law.among) == key]))
