"""Flags evaluated by another OpenFeature provider (the extra `flags`).

Imported only when FLAG_PROVIDER is set.
"""

from importlib import import_module
from typing import Final

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.provider import AbstractProvider, FeatureProvider

from models.core.errors import SettingsInvalid
from models.rules.flags import Flag

#: The attribute of OpenFeature's context that holds the restaurant's id.
RESTAURANT: Final = "restaurant"


class ProviderFlags:
    """Flags of the provider that `module:factory` returns.

    While it is not ready, or its server is away, every flag is on.
    """

    def __init__(self, name: str) -> None:
        api.set_provider(_made(name))
        self._client = api.get_client()

    def is_on(self, flag: Flag, *, restaurant_id: int, key: str) -> bool:
        """Return whether `flag` is on for this key in that restaurant. On if unknown."""
        context = EvaluationContext(key, {RESTAURANT: restaurant_id})
        return self._client.get_boolean_value(flag.value, True, context)


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
