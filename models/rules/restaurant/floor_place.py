"""Where a table stands on the floor plan, and its shape. No rule of seating depends on it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Shape = Literal["round", "square", "rectangle", "booth", "bar"]


@dataclass(frozen=True, slots=True)
class FloorPlace:
    """The table's centre in metres from its area's upper left corner, its shape, its turn.

    None: the plan chooses. `rotation`: degrees, clockwise.
    """

    x: float | None = None
    y: float | None = None
    shape: Shape | None = None
    rotation: int = 0


#: the plan chooses
ANYWHERE: Final = FloorPlace()
_UNSAID: Final = asdict(ANYWHERE)


def place_from(stored: Mapping[str, Any] | None) -> FloorPlace:
    """Return the place as it was stored."""
    return FloorPlace(**(stored or {}))


def place_to(place: FloorPlace) -> dict[str, Any]:
    """Return what differs from the defaults, named as in the file."""
    return {name: value for name, value in asdict(place).items() if value != _UNSAID[name]}
