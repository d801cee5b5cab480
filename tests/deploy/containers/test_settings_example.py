"""`.env.example` names every setting with its default, and nothing else."""

import re

from models.core.settings import Settings
from tests.architecture.tree import ROOT


def example() -> dict[str, str]:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    return {
        name: value.strip('"')
        for name, value in re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE)
    }


def test_every_setting_is_named_and_nothing_else() -> None:
    fields = {name.upper() for name in Settings.model_fields}
    assert example().keys() == fields


def test_the_values_are_the_defaults() -> None:
    shown = example()
    for name, field in Settings.model_fields.items():
        default = "" if field.is_required() or field.default is None else str(field.default)
        assert shown[name.upper()] == default, name


def test_each_setting_is_explained() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    settings = [line for line in lines if re.match(r"[A-Z_]+=", line)]
    comments = [line for line in lines if line.startswith("# ")]
    assert len(comments) >= len(settings) * 0.6
