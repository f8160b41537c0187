"""The reference in docs/documents.md against the models: complete, and its examples valid."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from fleet.schema.kinds import KINDS
from fleet.source.problems import InvalidFleet
from tests.fleet.source.documents_by_hand import read_inventory

REFERENCE = (Path(__file__).parents[3] / "docs" / "documents.md").read_text()


def fields_of(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield field.alias or name
        yield from fields_in(field.annotation)


def fields_in(annotation: object) -> Iterator[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from fields_of(annotation)
    for inner in get_args(annotation):
        yield from fields_in(inner)


def test_every_field_of_every_kind_is_written_down() -> None:
    rfc_6902 = {"op", "path", "from", "value"}
    for kind, model in KINDS.items():
        section = REFERENCE.split(f"\n## {kind}\n")[1].split("\n## ")[0]
        section += REFERENCE.split("\n## What every document has\n")[1].split("\n## ")[0]
        known = set(fields_of(model)) - rfc_6902
        assert [field for field in known if not re.search(rf"\b{field}\b", section)] == []


def test_its_examples_are_valid_but_for_what_they_refer_to() -> None:
    [_, *examples] = re.findall(r"```yaml\n(.*?)```", REFERENCE, re.DOTALL)
    assert len(examples) == len(KINDS)
    try:
        read_inventory({f"{index}.yaml": text.encode() for index, text in enumerate(examples)})
    except InvalidFleet as refused:
        if [one for one in refused.problems if not one.message.startswith("there is no ")]:
            raise
