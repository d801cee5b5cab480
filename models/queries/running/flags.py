"""Whether a flag is on: asked of OpenFeature, answered from a picture that is a second old.

The table is read at most once a second by each process, and only where `refresh` is called: at the
beginning of a task's round, never within a transaction. Asking costs no query.
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

#: A change is seen by every process within twice this.
FRESH_SECONDS: Final = 1.0
#: The attribute of OpenFeature's context that holds the restaurant's id.
RESTAURANT: Final = "restaurant"

Picture = Mapping[str, Mapping[int, Switch]]


def is_on(flag: Flag, *, restaurant_id: int, key: object) -> bool:
    """Whether `flag` is on for this key (a reservation, say). On where nobody can tell."""
    context = EvaluationContext(str(key), {RESTAURANT: restaurant_id})
    return _client().get_boolean_value(flag.value, True, context)


def refresh() -> None:
    """Look at the table again if a second has passed. A database that is gone changes nothing."""
    restaurant_flags().refresh()


def switches(session: Session) -> list[FlagSwitch]:
    """Every switch that is set, by flag and restaurant."""
    order = (FlagSwitch.flag, FlagSwitch.restaurant_id)
    return list(session.scalars(select(FlagSwitch).order_by(*order)))


def changes(session: Session, *, restaurant_id: int | None = None, limit: int) -> list[FlagChange]:
    """The newest changes first; of one restaurant, or of all."""
    query = select(FlagChange).order_by(FlagChange.id.desc()).limit(limit)
    if restaurant_id is not None:
        query = query.where(FlagChange.restaurant_id == restaurant_id)
    return list(session.scalars(query))


class DatabaseFlags(AbstractProvider):
    """OpenFeature's provider on our own table."""

    def __init__(self) -> None:
        super().__init__()
        self._picture: Picture = {}
        self._seen = float("-inf")

    def refresh(self) -> None:
        """As the module's `refresh`."""
        if monotonic() - self._seen < FRESH_SECONDS:
            return
        try:
            with reading() as session:
                self._picture = _picture(switches(session))
        except (DBAPIError, PoolTimeout) as error:
            log.warning("flags not read", extra={"error": type(error).__name__})
        self._seen = monotonic()

    def get_metadata(self) -> Metadata:
        """Its name."""
        return Metadata("maitred")

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Whether it is on. Raises FlagNotFoundError for a name that this release has not."""
        if flag_key not in set(Flag):
            raise FlagNotFoundError(flag_key)
        set_ones = self._picture.get(flag_key)
        if not set_ones:
            return FlagResolutionDetails(default_value, reason=Reason.DEFAULT)
        context = evaluation_context or EvaluationContext()
        restaurant = context.attributes.get(RESTAURANT)
        value = rules.is_on(
            Flag(flag_key),
            set_ones,
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
        """Every flag of the house is on or off."""
        raise FlagNotFoundError(flag_key)

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[int]:
        """Every flag of the house is on or off."""
        raise FlagNotFoundError(flag_key)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[float]:
        """Every flag of the house is on or off."""
        raise FlagNotFoundError(flag_key)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Every flag of the house is on or off."""
        raise FlagNotFoundError(flag_key)


@lru_cache(maxsize=1)
def restaurant_flags() -> DatabaseFlags:
    """This process's picture of the table."""
    return DatabaseFlags()


def _picture(rows: Sequence[FlagSwitch]) -> Picture:
    found: dict[str, dict[int, Switch]] = defaultdict(dict)
    for row in rows:
        found[row.flag][row.restaurant_id] = Switch(row.percent, row.is_killed)
    return dict(found)


@lru_cache(maxsize=1)
def _client() -> OpenFeatureClient:
    name = settings().flag_provider
    if name:
        # asked before it is ready, as when its server is away, it leaves every flag on
        api.set_provider(_made(name))
    else:
        api.set_provider_and_wait(restaurant_flags())
    return api.get_client()


def _made(name: str) -> FeatureProvider:
    """What `module:factory` makes. Raises SettingsInvalid."""
    module, _, factory = name.partition(":")
    try:
        made = getattr(import_module(module), factory)()
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise SettingsInvalid(f"FLAG_PROVIDER: {name} cannot be made ({error})") from error
    if not isinstance(made, AbstractProvider):
        raise SettingsInvalid(f"FLAG_PROVIDER: {name} makes no OpenFeature provider")
    return made
