"""Checks a restored database against its backup: schema, row counts, and Maitred's own check."""

from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

from sqlalchemy import Engine, func, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from models import migrations
from models.core.database.transactions import reading, table_of
from models.entities.floor import Restaurant
from models.entities.reservations import Reservation, ReservationChange, ReservationMove
from models.integrity.check import Finding, findings_at_once
from tasks.backups.manifest import Manifest

#: Tables whose rows are counted, since nothing is deleted from them in an evening.
COUNTED: Final = (Restaurant, Reservation, ReservationMove, ReservationChange)
#: How long pending work may have waited at the time of the backup.
GRACE_SECONDS: Final = 300
#: Rules about overdue work: work that was overdue at the backup is no damage, but is done later.
_LATE: Final = frozenset({"undecided", "overdue", "message-late", "stuck-claim"})
#: Reservations; a larger database is handed over after a shorter check. See `Examined.is_whole`.
WHOLE_UP_TO: Final = 100_000
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Examined:
    """The result of a check. `problems` is empty when the database is in order.

    If not `is_whole`, histories, messages and guests are still unchecked; `maitred check` does it.
    """

    problems: tuple[str, ...]
    rows: dict[str, int]
    seconds: float
    is_whole: bool = True


def count_rows(bind: Engine) -> dict[str, int]:
    """Return the row counts of the COUNTED tables that exist."""
    there = set(inspect(bind).get_table_names())
    with reading(bind) as session:
        return {
            entity.__tablename__: session.scalar(select(func.count()).select_from(table_of(entity)))
            or 0
            for entity in COUNTED
            if entity.__tablename__ in there
        }


def schema_of(bind: Engine) -> str | None:
    """Return the revision of a database's schema; None where no migration has run."""
    return migrations.current(bind)


def examine(
    bind: Engine, manifest: Manifest, *, until: datetime | None = None, thorough: bool = False
) -> Examined:
    """Compare a restored database with its manifest, and check it as `maitred check` does.

    With more than WHOLE_UP_TO reservations, unless `thorough`, only what guests need first is
    checked. The check is as of the time of the backup: work that was overdue then is no problem,
    nor are parties that a changed restaurant file or new zone rules left without a fitting table.
    The schema of another release is a problem, because this code cannot check it. With `until`,
    the log was replayed to that time: more rows and a later schema than in the manifest are fine.
    """
    began, is_whole = monotonic(), True
    try:
        rows, schema = count_rows(bind), schema_of(bind)
        problems = _rows_and_schema(rows, schema, manifest, is_later=until is not None)
        if schema in (None, migrations.head()):
            at = until or manifest.ended
            is_whole = thorough or rows[Reservation.__tablename__] <= WHOLE_UP_TO
            found = findings_at_once(
                bind, now=at, grace_seconds=GRACE_SECONDS, only_first=not is_whole
            )
            wrong = [one for one in found if not _is_no_damage(one)]
            problems += [f"{one.rule}: {one.text}" for one in wrong[:_SHOWN]]
        else:
            problems.append(f"the schema is {schema}, this release's {migrations.head()}")
    except SQLAlchemyError as error:
        rows, problems = {}, [f"cannot be read: {type(error).__name__}"]
    return Examined(tuple(problems), rows, monotonic() - began, is_whole)


def _is_no_damage(found: Finding) -> bool:
    return found.rule in _LATE or found.is_known or _lacks_keys(found)


def _lacks_keys(found: Finding) -> bool:
    """Whether no guest can be decrypted here: a database may be restored without its keys."""
    return found.rule == "guest" and not found.ids


def _rows_and_schema(
    rows: dict[str, int], schema: str | None, manifest: Manifest, *, is_later: bool
) -> list[str]:
    problems = []
    if schema != manifest.schema and not is_later:
        problems.append(f"the schema is {schema}, the manifest says {manifest.schema}")
    for table, (low, high) in manifest.rows.items():
        count = rows.get(table, -1)
        if count < low or (count > high and not is_later):
            wanted = f"{low}" if low == high else f"{low} to {high}"
            problems.append(f"{table} has {rows.get(table, 'no')} rows; there were {wanted}")
    return problems
