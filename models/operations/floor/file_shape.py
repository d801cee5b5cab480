"""The base of the shapes of a restaurant's file, and where a table stands on the floor plan."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.rules.restaurant.floor_place import Shape

Metres = Annotated[float, Field(ge=0, le=200)]


class FileShape(BaseModel):
    """The base of all shapes: rejects unknown keys and converts nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PlaceShape(FileShape):
    """Where the floor plan draws a table, and how; see `models.rules.restaurant.floor_place`."""

    x: Metres | None = None
    y: Metres | None = None
    shape: Shape | None = None
    rotation: Annotated[int, Field(ge=0, le=359)] = 0

    @model_validator(mode="after")
    def check_place(self) -> Self:
        """Refuse half a place."""
        if (self.x is None) != (self.y is None):
            raise ValueError("x and y come together: the table's centre, in metres")
        return self
