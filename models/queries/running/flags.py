"""Flags: evaluated from a snapshot of the table that is a second old.

Each process reads the table at most once a second, and only where `refresh` is called: at the
beginning of a task's round, never within a transaction. Evaluating a flag costs no query.
FLAG_PROVIDER names an OpenFeature provider that evaluates the flags in the table's place.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from time import monotonic
from typing import Final, Protocol, cast

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.core.extras import load_extra
from models.core.settings import settings
from models.entities.flags import FlagChange, FlagSwitch
from models.rules import flags as rules
from models.rules.flags import Flag, Switch

log = logging.getLogger(__name__)

#: Every process applies a change within twice this time.
FRESH_SECONDS: Final = 1.0
Snapshot = Mapping[str, Mapping[int, Switch]]


class FlagEvaluator(Protocol):
    """Evaluates flags: Maitred's own table, or an OpenFeature provider."""

    def is_on(self, flag: Flag, *, restaurant_id: int, key: str) -> bool:
        """Return whether `flag` is on for this key in that restaurant. On if unknown."""
        ...


def is_on(flag: Flag, *, restaurant_id: int, key: object) -> bool:
    """Return whether `flag` is on for this key (for example a reservation). On if unknown."""
    return _evaluator().is_on(flag, restaurant_id=restaurant_id, key=str(key))


def refresh() -> None:
    """Read the table again if a second has passed. If the database is gone, nothing changes."""
    database_flags().refresh()


def check_provider() -> None:
    """For the start of a process: raise SettingsInvalid if FLAG_PROVIDER cannot be used."""
    _evaluator()


def switches(session: Session) -> list[FlagSwitch]:
    """Return every switch that is set, by flag and restaurant."""
    order = (FlagSwitch.flag, FlagSwitch.restaurant_id)
    return list(session.scalars(select(FlagSwitch).order_by(*order)))


def changes(session: Session, *, restaurant_id: int | None = None, limit: int) -> list[FlagChange]:
    """Return the newest changes first; of one restaurant, or of all."""
    query = select(FlagChange).order_by(FlagChange.id.desc()).limit(limit)
    if restaurant_id is not None:
        query = query.where(FlagChange.restaurant_id == restaurant_id)
    return list(session.scalars(query))


class DatabaseFlags:
    """Flags of Maitred's own table, from the snapshot."""

    def __init__(self) -> None:
        self._snapshot: Snapshot = {}
        self._seen = float("-inf")

    def refresh(self) -> None:
        """Do what the module's `refresh` does."""
        if monotonic() - self._seen < FRESH_SECONDS:
            return
        try:
            with reading() as session:
                self._snapshot = _snapshot(switches(session))
        except (DBAPIError, PoolTimeout) as error:
            log.warning("flags could not be read", extra={"error": type(error).__name__})
        self._seen = monotonic()

    def is_on(self, flag: Flag, *, restaurant_id: int, key: str) -> bool:
        """Return whether `flag` is on. On where no switch is set."""
        found = self._snapshot.get(flag)
        return not found or rules.is_on(flag, found, restaurant_id=restaurant_id, key=key)


@lru_cache(maxsize=1)
def database_flags() -> DatabaseFlags:
    """Return this process's snapshot of the table."""
    return DatabaseFlags()


def _snapshot(rows: Sequence[FlagSwitch]) -> Snapshot:
    found: dict[str, dict[int, Switch]] = defaultdict(dict)
    for row in rows:
        found[row.flag][row.restaurant_id] = Switch(row.percent, row.is_killed)
    return dict(found)


@lru_cache(maxsize=1)
def _evaluator() -> FlagEvaluator:
    """Raises SettingsInvalid, naming FLAG_PROVIDER, if that provider cannot be created."""
    name = settings().flag_provider
    if not name:
        return database_flags()
    module = load_extra(
        "models.queries.running.flag_provider",
        install="FLAG_PROVIDER needs the extra `flags` (requirements/mysql.txt has it)",
    )
    return cast("FlagEvaluator", module.ProviderFlags(name))
