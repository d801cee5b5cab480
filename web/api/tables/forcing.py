"""What a host may override by role."""

from typing import Protocol

from models.core.errors import NotAllowed
from models.operations.tables.forcing import Force
from models.queries.accounts.accounts import Caller
from models.rules.permissions import Permission
from models.rules.restaurant.restaurant import RestaurantSpec


class Squeezes(Protocol):
    """A request that may squeeze a party in, with a reason."""

    @property
    def squeeze(self) -> bool:
        """Whether the party may be larger than the tables seat."""

    @property
    def reason(self) -> str:
        """Why, in the host's words."""


_NEEDS = {
    "squeeze": (Permission.SQUEEZE_PARTIES, "your role may not squeeze a party in"),
    "overlap": (Permission.OVERLAP_TURNS, "your role may not cut another party's turn"),
    "force_pacing": (Permission.FORCE_PACING, "your role may not exceed the pacing limit"),
}


def force_of(restaurant: RestaurantSpec, caller: Caller, body: Squeezes) -> Force:
    """Return what the host overrides, and why. Raises NotAllowed."""
    asked = {name: bool(getattr(body, name, False)) for name in _NEEDS}
    for name, (permission, words) in _NEEDS.items():
        if asked[name] and not caller.has(restaurant.id, permission):
            raise NotAllowed(words)
    text, overbook = body.reason.strip(), asked["force_pacing"]
    return Force(asked["squeeze"], asked["overlap"], text, overbook=overbook)
