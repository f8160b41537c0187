"""Short ways to write fleet documents in tests."""

from collections.abc import Mapping
from typing import NamedTuple

from fleet.model import Inventory
from fleet.model.problems import InvalidFleet, Problem
from fleet.source.documents import survey


class InventoryReading(NamedTuple):
    """What a commit declares, and what in it is doubtful."""

    inventory: Inventory
    warnings: tuple[Problem, ...]


def read_inventory(files: Mapping[str, bytes]) -> InventoryReading:
    """Read all fleet documents among `files` (content by path).

    Raises:
        InvalidFleet: at least one thing is wrong.
    """
    found = survey(files)
    if found.problems:
        raise InvalidFleet(found.problems)
    return InventoryReading(found.inventory, found.warnings)


def cluster(name: str, labels: str = "{}", spec: str = "{connection: {context: c}}") -> str:
    return document("Cluster", f"{name}, labels: {labels}", spec)


def document(kind: str, name: str, spec: str) -> str:
    return f"apiVersion: flotilla.dev/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def bundle(name: str, placement: str, rest: str = "") -> str:
    return document("Bundle", name, f"{{source: {{path: {name}}}, placement: {placement}{rest}}}")


def reading(*documents: str) -> InventoryReading:
    return read_inventory({"fleet.yaml": "---\n".join(documents).encode()})


def inventory(*documents: str) -> Inventory:
    return reading(*documents).inventory


def problems(*documents: str) -> list[str]:
    """What is wrong, without the name of the file."""
    try:
        reading(*documents)
    except InvalidFleet as refused:
        return [str(problem).removeprefix("fleet.yaml:") for problem in refused.problems]
    return []


def warnings(*documents: str) -> list[str]:
    return [str(one).removeprefix("fleet.yaml:") for one in reading(*documents).warnings]
