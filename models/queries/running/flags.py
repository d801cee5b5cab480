"""Flags: evaluated by OpenFeature from a snapshot of the table that is a second old.

Each process reads the table at most once a second, and only where `refresh` is called: at the
beginning of a task's round, never within a transaction. Evaluating a flag costs no query.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from time import monotonic
from typing import Final

from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, FeatureProvider, Metadata
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from models.core.database.transactions import reading
from models.core.errors import SettingsInvalid
from models.core.settings import settings
from models.entities.flags import FlagChange, FlagSwitch
from models.rules import flags as rules
from models.rules.flags import Flag, Switch

log = logging.getLogger(__name__)

#: Every process applies a change within twice this time.
FRESH_SECONDS: Final = 1.0
#: The attribute of OpenFeature's context that holds the restaurant's id.
RESTAURANT: Final = "restaurant"

Snapshot = Mapping[str, Mapping[int, Switch]]


def is_on(flag: Flag, *, restaurant_id: int, key: object) -> bool:
    """Return whether `flag` is on for this key (for example a reservation). On if unknown."""
    context = EvaluationContext(str(key), {RESTAURANT: restaurant_id})
    return _client().get_boolean_value(flag.value, True, context)


def refresh() -> None:
    """Read the table again if a second has passed. If the database is gone, nothing changes."""
    database_flags().refresh()


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


class DatabaseFlags(AbstractProvider):
    """OpenFeature's provider backed by Maitred's own table."""

    def __init__(self) -> None:
        super().__init__()
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

    def get_metadata(self) -> Metadata:
        """Return the provider's name."""
        return Metadata("maitred")

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Evaluate a flag. Raises FlagNotFoundError for a name unknown to this release."""
        if flag_key not in set(Flag):
            raise FlagNotFoundError(flag_key)
        set_switches = self._snapshot.get(flag_key)
        if not set_switches:
            return FlagResolutionDetails(default_value, reason=Reason.DEFAULT)
        context = evaluation_context or EvaluationContext()
        restaurant = context.attributes.get(RESTAURANT)
        value = rules.is_on(
            Flag(flag_key),
            set_switches,
            restaurant_id=restaurant if isinstance(restaurant, int) else rules.EVERYWHERE,
            key=context.targeting_key or "",
        )
        return FlagResolutionDetails(value, reason=Reason.TARGETING_MATCH)

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        """Raise FlagNotFoundError: Maitred has only boolean flags."""
        raise FlagNotFoundError(flag_key)

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[int]:
        """Raise FlagNotFoundError: Maitred has only boolean flags."""
        raise FlagNotFoundError(flag_key)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[float]:
        """Raise FlagNotFoundError: Maitred has only boolean flags."""
        raise FlagNotFoundError(flag_key)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Raise FlagNotFoundError: Maitred has only boolean flags."""
        raise FlagNotFoundError(flag_key)


@lru_cache(maxsize=1)
def database_flags() -> DatabaseFlags:
    """Return this process's provider, with its snapshot of the table."""
    return DatabaseFlags()


def _snapshot(rows: Sequence[FlagSwitch]) -> Snapshot:
    found: dict[str, dict[int, Switch]] = defaultdict(dict)
    for row in rows:
        found[row.flag][row.restaurant_id] = Switch(row.percent, row.is_killed)
    return dict(found)


@lru_cache(maxsize=1)
def _client() -> OpenFeatureClient:
    name = settings().flag_provider
    if name:
        # while it is not ready, or its server is away, every flag is on
        api.set_provider(_made(name))
    else:
        api.set_provider_and_wait(database_flags())
    return api.get_client()


def _made(name: str) -> FeatureProvider:
    """Return the result of `module:factory`. Raises SettingsInvalid."""
    module, _, factory = name.partition(":")
    try:
        made = getattr(import_module(module), factory)()
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise SettingsInvalid(f"FLAG_PROVIDER: {name} cannot be created ({error})") from error
    if not isinstance(made, AbstractProvider):
        raise SettingsInvalid(f"FLAG_PROVIDER: {name} does not return an OpenFeature provider")
    return made
