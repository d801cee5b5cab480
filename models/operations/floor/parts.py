"""The parts of a restaurant's file, each parsed by itself, for checks between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from models.core.toml_lines import KeyPath
from models.operations.floor.file_shape import FileShape
from models.operations.floor.shapes import (
    ApprovalShape,
    AreaShape,
    ClosureShape,
    CombinationShape,
    DatePacingShape,
    FeatureShape,
    PoliciesShape,
    ShiftShape,
    TableShape,
)

#: A path, and the mistake there.
Problem = tuple[KeyPath, str]
S = TypeVar("S", bound=FileShape)
#: sections, and the keys by which their parts are named
_NAMED: Final = (("areas", "key"), ("tables", "label"), ("shifts", "key"), ("features", "key"))


@dataclass(slots=True)
class Parts:
    """The parts of a file that are valid by themselves, each with its number in the file."""

    policies: PoliciesShape = field(default_factory=PoliciesShape)
    areas: dict[int, AreaShape] = field(default_factory=dict)
    tables: dict[int, TableShape] = field(default_factory=dict)
    combinations: dict[int, CombinationShape] = field(default_factory=dict)
    shifts: dict[int, ShiftShape] = field(default_factory=dict)
    closures: dict[int, ClosureShape] = field(default_factory=dict)
    pacing: dict[int, DatePacingShape] = field(default_factory=dict)
    approval: dict[int, ApprovalShape] = field(default_factory=dict)
    features: dict[int, FeatureShape] = field(default_factory=dict)
    #: keys and labels by section, including those of parts that are otherwise invalid
    names: dict[str, set[str]] = field(default_factory=dict)


def parts_of(document: Mapping[str, Any]) -> Parts:
    """Return the parts that can be checked against each other, even if others are invalid."""
    return Parts(
        policies=_valid(PoliciesShape, document.get("policies", {})) or PoliciesShape(),
        areas=_list(AreaShape, document.get("areas")),
        tables=_list(TableShape, document.get("tables")),
        combinations=_list(CombinationShape, document.get("combinations")),
        shifts=_list(ShiftShape, document.get("shifts")),
        closures=_list(ClosureShape, document.get("closures")),
        pacing=_list(DatePacingShape, document.get("pacing")),
        approval=_list(ApprovalShape, document.get("approval")),
        features=_list(FeatureShape, document.get("features")),
        names={section: _names(document.get(section), key) for section, key in _NAMED},
    )


def _valid(shape: type[S], value: Any) -> S | None:
    """Return the part without its invalid keys, which `read_restaurant` reports itself."""
    try:
        return shape.model_validate(value)
    except ValidationError as invalid:
        wrong = {error["loc"][0] for error in invalid.errors() if error["loc"]}
        if isinstance(value, dict) and not wrong.isdisjoint(value):
            return _valid(shape, {key: each for key, each in value.items() if key not in wrong})
        return None


def _list(shape: type[S], values: Any) -> dict[int, S]:
    if not isinstance(values, list):
        return {}
    found = {number: _valid(shape, value) for number, value in enumerate(values)}
    return {number: value for number, value in found.items() if value is not None}


def _names(values: Any, key: str) -> set[str]:
    rows = values if isinstance(values, list) else []
    return {str(row[key]) for row in rows if isinstance(row, dict) and key in row}
