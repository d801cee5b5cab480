"""Whether a restored database is what was backed up: schema, rows, the house's own check."""

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

#: Their rows are counted: nothing in them is deleted in an evening.
COUNTED: Final = (Restaurant, Reservation, ReservationMove, ReservationChange)
#: What waits may have done so for this long when the backup was made.
GRACE_SECONDS: Final = 300
#: What was late when the backup was made is work for whoever goes on from there, and no damage.
_LATE: Final = frozenset({"undecided", "overdue", "message-late", "stuck-claim"})
#: A larger database is handed over when what guests need is proved; see `Examined.is_whole`.
WHOLE_UP_TO: Final = 100_000
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Examined:
    """What a look at a restored database gave. `problems` is empty when it is in order.

    Not `is_whole`: histories, messages and guests were not proved yet, and `maitred check` does.
    """

    problems: tuple[str, ...]
    rows: dict[str, int]
    seconds: float
    is_whole: bool = True


def count_rows(bind: Engine) -> dict[str, int]:
    """The rows of the counted tables; nothing of tables that are not there."""
    there = set(inspect(bind).get_table_names())
    with reading(bind) as session:
        return {
            entity.__tablename__: session.scalar(select(func.count()).select_from(table_of(entity)))
            or 0
            for entity in COUNTED
            if entity.__tablename__ in there
        }


def schema_of(bind: Engine) -> str | None:
    """The revision of a database's schema; None where no migration ever ran."""
    return migrations.current(bind)


def examine(
    bind: Engine, manifest: Manifest, *, until: datetime | None = None, thorough: bool = False
) -> Examined:
    """Hold a restored database against its manifest, and prove it as `maitred check` does.

    With more than WHOLE_UP_TO reservations only what guests need at once, unless `thorough`.

    As of the time of the backup; what was late then is no problem, nor is a party that a changed
    file or new zone rules left behind. A schema of another release
    cannot be proved by this one's code: that is a problem too. With `until`, the log was replayed
    to that time: there may be more rows and a later schema than the manifest says.
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
    """Nobody can be unsealed here. A database comes back without its keys, too."""
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
