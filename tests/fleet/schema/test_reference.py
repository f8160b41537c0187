"""The reference in docs/documents.md against the models: complete, and its examples valid."""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import BaseModel

from fleet.model.problems import InvalidFleet
from fleet.schema.kinds import KINDS
from tests.fleet.source.documents_by_hand import read_inventory

REFERENCE = (Path(__file__).parents[3] / "docs" / "documents.md").read_text()


OF_RFC_6902 = {"add", "remove", "replace", "move", "copy", "test"}


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
    for kind, model in KINDS.items():
        section = REFERENCE.split(f"\n## {kind}\n")[1].split("\n## ")[0]
        section += REFERENCE.split("\n## What every document has\n")[1].split("\n## ")[0]
        known = set(fields_of(model)) - {"op", "path", "from", "value"}
        assert [field for field in known if not re.search(rf"\b{field}\b", section)] == []


def words_of(annotation: object) -> Iterator[str]:
    """Every word that a field of this type may have as its value."""
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        yield from (member.value for member in annotation)
    if get_origin(annotation) is Literal:
        yield from (word for word in get_args(annotation) if isinstance(word, str))
        return
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for field in annotation.model_fields.values():
            yield from words_of(field.annotation)
    for inner in get_args(annotation):
        yield from words_of(inner)


def test_every_word_that_is_allowed_is_written_down() -> None:
    found = 0
    for kind, model in KINDS.items():
        section = REFERENCE.split(f"\n## {kind}\n")[1].split("\n## ")[0]
        known = set(words_of(model)) - {"flotilla.dev/v1", kind} - OF_RFC_6902
        found += len(known)
        assert [word for word in known if not re.search(rf"\b{re.escape(word)}\b", section)] == []
    assert found > 40


def test_its_examples_are_valid_but_for_what_they_refer_to() -> None:
    [_, *examples] = re.findall(r"```yaml\n(.*?)```", REFERENCE, re.DOTALL)
    assert len(examples) == len(KINDS)
    try:
        read_inventory({f"{index}.yaml": text.encode() for index, text in enumerate(examples)})
    except InvalidFleet as refused:
        if [one for one in refused.problems if not one.message.startswith("there is no ")]:
            raise
