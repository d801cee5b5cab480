"""A restaurant's file: one TOML text. `read_restaurant` reports every mistake, its key and line."""

import re
import tomllib
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from models.core.errors import FieldProblem, FileInvalid
from models.core.toml_lines import KeyPath, key_lines, line_of
from models.operations.floor.checks import relations
from models.operations.floor.file_shape import FileShape
from models.operations.floor.shapes import RestaurantFile

_AT_LINE: Final = re.compile(r" \(at line (\d+), column \d+\)$")


@dataclass(frozen=True, slots=True)
class FileProblem(FieldProblem):
    """One wrong key of a file, and its line (from 1)."""

    line: int

    def __str__(self) -> str:
        return f"line {self.line}: {self.field}: {self.message}"


def read_restaurant(text: str) -> RestaurantFile:
    """Return the restaurant that a file's text describes.

    Raises FileInvalid with a FileProblem for each mistake, in order of the lines.
    """
    document = _parse(text)
    file, wrong = None, relations(document)
    try:
        file = RestaurantFile.model_validate(document)
    except ValidationError as invalid:
        wrong += [(tuple(error["loc"]), _words(error)) for error in invalid.errors()]
    if file is None or wrong:
        raise _error(wrong, key_lines(text))
    return file


def _parse(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        place = _AT_LINE.search(str(wrong))
        line = int(place.group(1)) if place else max(text.count("\n"), 1)
        problem = FileProblem("TOML", _AT_LINE.sub("", str(wrong)), line)
        raise FileInvalid(str(problem), fields=(problem,)) from wrong
    except RecursionError:
        problem = FileProblem("TOML", "is nested too deeply", 1)
        raise FileInvalid(str(problem), fields=(problem,)) from None


def _error(wrong: list[tuple[KeyPath, str]], lines: dict[KeyPath, int]) -> FileInvalid:
    problems = [FileProblem(name_of(path), text, line_of(lines, path)) for path, text in wrong]
    problems.sort(key=lambda problem: problem.line)
    return FileInvalid("\n".join(map(str, problems)), fields=tuple(problems))


def name_of(path: KeyPath) -> str:
    """Return the path in the form `tables[3].min_party`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".")


def _words(error: ErrorDetails) -> str:
    """Return pydantic's message in the wording used here."""
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "extra_forbidden":
        return f"is not a known key; known here: {', '.join(_known(tuple(error['loc'])))}"
    text = error["msg"].removeprefix("Value error, ")
    return re.sub(r"^(Input|String|List|Value) should (be|have|match)", r"must \2", text)


def _known(path: KeyPath) -> list[str]:
    """Return the keys allowed in place of the path's last key."""
    shape: type[FileShape] = RestaurantFile
    for part in path[:-1]:
        if isinstance(part, str):
            shape = _shape_within(shape.model_fields[part].annotation) or shape
    return sorted(each.alias or name for name, each in shape.model_fields.items())


def _shape_within(annotation: Any) -> type[FileShape] | None:
    """Return the shape that a field holds: itself, in a list, or optional."""
    if isinstance(annotation, type) and issubclass(annotation, FileShape):
        return annotation
    inner = (_shape_within(each) for each in getattr(annotation, "__args__", ()))
    return next((shape for shape in inner if shape is not None), None)
