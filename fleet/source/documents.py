"""Reads the fleet documents of a commit into an inventory, or says everything that is wrong.

Any YAML document of our apiVersion is one, in any layout; every other document is workload and none
of our business.  Shapes are checked by `fleet.schema`, what documents are to each other by
`fleet.source.consistency`; this module finds, names and collects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson
from pydantic import ValidationError

from clusters.model import BundleName, ClusterName
from fleet.model import (
    Bundle,
    Cluster,
    ClusterGroup,
    FleetSettings,
    Gate,
    GateName,
    GroupName,
    Inventory,
    Place,
    Strategy,
    StrategyName,
    Window,
    WindowName,
)
from fleet.model.problems import Problem, in_reading_order
from fleet.schema.document import API_GROUP, API_VERSION, Declared, Path
from fleet.schema.kinds import KINDS, NOT_YET
from fleet.schema.translation import dotted, guess, problems_of, shown
from fleet.source.consistency import Finding, coverage, references, suspicions
from fleet.source.yaml import DEFAULT_LIMITS, Document, Limits, YamlProblem, read_documents

_SUFFIXES = (".yaml", ".yml", ".json")
_MENTION = f"{API_GROUP}/".encode()
_CLAIM = re.compile(rb"""apiVersion["']?\s*:\s*["']?""" + re.escape(_MENTION))
"""Text of a file that means to be ours.  A chart template with our annotations does not."""


class Survey(NamedTuple):
    """What could be read of a commit's documents, and all that is wrong with the rest."""

    inventory: Inventory
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def survey(files: Mapping[str, bytes], *, limits: Limits = DEFAULT_LIMITS) -> Survey:
    """Read what can be read: a document with an error does not hide the others."""
    reading = _Reading()
    for file in sorted(files):
        if file.endswith(_SUFFIXES) and _MENTION in files[file]:
            reading.read(file, files[file], limits)
    inventory = reading.inventory()
    wrong = [*reading.problems, *reading.located(references(inventory, reading.names()))]
    if not wrong:
        # Who stands where says little while some of the documents could not be read.
        wrong = reading.located(coverage(inventory))
    doubtful = () if wrong else reading.located(suspicions(inventory))
    return Survey(inventory, in_reading_order(wrong), in_reading_order(doubtful))


@dataclass(slots=True)
class _Reading:
    """What was found so far."""

    problems: list[Problem] = field(default_factory=list)
    documents: dict[Place, Document] = field(default_factory=dict)
    claims: dict[tuple[str, str], Place] = field(default_factory=dict)
    """By kind and name, the document that has it, be it valid or not."""
    declared: list[Declared] = field(default_factory=list)

    def read(self, file: str, data: bytes, limits: Limits) -> None:
        """Take in the documents of one file."""
        try:
            documents = read_documents(data, file=file, limits=limits)
        except YamlProblem as problem:
            if _CLAIM.search(data):
                self.problems.append(Problem(file=file, line=problem.line, message=problem.message))
            return
        for document in documents:
            if _is_ours(document):
                self._take(document)

    def _take(self, document: Document) -> None:
        content = document.content
        place = Place(file=document.file, line=document.line)
        self.documents[place] = document
        if content["apiVersion"] != API_VERSION:
            self._refuse(
                place, ("apiVersion",), "unknown version", shown(content["apiVersion"]), API_VERSION
            )
            return
        model = KINDS.get(kind) if isinstance(kind := content.get("kind"), str) else None
        if model is None:
            self._refuse_kind(place, kind)
            return
        self._claim(str(kind), content, place)
        try:
            envelope = model.model_validate_json(orjson.dumps(content))
        except ValidationError as error:
            self.problems += problems_of(error, model, file=document.file, line_of=document.line_of)
            return
        self.declared.append(
            envelope.declared(
                lambda path: (
                    Place(file=document.file, line=document.line_of(path)) if path else place
                )
            )
        )

    def _refuse_kind(self, place: Place, kind: object) -> None:
        known = ", ".join(KINDS)
        if kind is None:
            self._refuse(place, ("kind",), "is required and missing", None, known)
        elif isinstance(kind, str) and kind in NOT_YET:
            self._refuse(place, ("kind",), f"not yet: {NOT_YET[kind]}", repr(kind), known)
        else:
            near = guess(str(kind), list(KINDS))
            self._refuse(place, ("kind",), f"unknown kind{near}", shown(kind), known)

    def _claim(self, kind: str, content: Mapping[str, object], place: Place) -> None:
        """Note who has a name; of the kind Fleet, there is one whatever its name."""
        metadata = content.get("metadata")
        name = metadata.get("name") if isinstance(metadata, Mapping) else None
        if kind == "Fleet":
            first = self.claims.setdefault((kind, ""), place)
            if first != place:
                self._refuse(
                    place, ("kind",), f"a fleet has one Fleet document; {first} is one already"
                )
        elif isinstance(name, str):
            first = self.claims.setdefault((kind, name), place)
            if first != place:
                self._refuse(
                    place, ("metadata", "name"), f"{first} declares this {kind} too", repr(name)
                )

    def _refuse(
        self,
        place: Place,
        path: Path,
        message: str,
        found: str | None = None,
        allowed: str | None = None,
    ) -> None:
        finding = Finding(place=place, path=path, message=message, found=found, allowed=allowed)
        self.problems += self.located([finding])

    def located(self, findings: Iterable[Finding]) -> list[Problem]:
        """Give each finding its line."""
        return [
            Problem(
                file=one.place.file,
                line=self.documents[one.place].line_of(one.path),
                field=dotted(one.path),
                message=one.message,
                found=one.found,
                allowed=one.allowed,
            )
            for one in findings
        ]

    def names(self) -> dict[str, set[str]]:
        """By kind, every name that is claimed."""
        names: dict[str, set[str]] = {}
        for kind, name in self.claims:
            names.setdefault(kind, set()).add(name)
        return names

    def inventory(self) -> Inventory:
        """Everything that was declared validly; of two with the same name, the first."""
        settings = FleetSettings()
        clusters: dict[ClusterName, Cluster] = {}
        groups: dict[GroupName, ClusterGroup] = {}
        bundles: dict[BundleName, Bundle] = {}
        strategies: dict[StrategyName, Strategy] = {}
        gates: dict[GateName, Gate] = {}
        windows: dict[WindowName, Window] = {}
        for one in self.declared:
            match one:
                case FleetSettings():
                    settings = one
                case Cluster():
                    clusters.setdefault(one.name, one)
                case ClusterGroup():
                    groups.setdefault(one.name, one)
                case Bundle():
                    bundles.setdefault(one.name, one)
                case Strategy():
                    strategies.setdefault(one.name, one)
                case Gate():
                    gates.setdefault(one.name, one)
                case Window():
                    windows.setdefault(one.name, one)
        return Inventory(
            settings=settings,
            clusters=clusters,
            groups=groups,
            bundles=bundles,
            strategies=strategies,
            gates=gates,
            windows=windows,
        )


def _is_ours(document: Document) -> bool:
    content = document.content
    version = content.get("apiVersion") if isinstance(content, dict) else None
    return isinstance(version, str) and version.startswith(f"{API_GROUP}/")
