"""The fleet repository that people copy: valid, and its workload is what Kubernetes takes."""

from pathlib import Path

import kubernetes_validate
import pytest

from clusters.model import digest_of
from fleet.model import Bundle
from fleet.model.placement import placed_clusters
from fleet.source.render.files import SourceFile, SourceFiles
from fleet.source.render.render import Renderer
from tests.fleet.source.documents_by_hand import InventoryReading, read_inventory

FOLDER = Path(__file__).parents[3] / "examples" / "fleet"


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return {
        path.relative_to(FOLDER).as_posix(): path.read_bytes()
        for path in FOLDER.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def reading(files: dict[str, bytes]) -> InventoryReading:
    return read_inventory(files)


def test_it_is_valid_without_a_warning(reading: InventoryReading) -> None:
    assert reading.warnings == ()
    assert len(reading.inventory.clusters) == 6
    assert set(reading.inventory.bundles) == {"platform", "web", "reports"}


def test_every_bundle_renders_to_valid_objects_on_every_cluster(
    files: dict[str, bytes], reading: InventoryReading
) -> None:
    inventory, renderer, counted = reading.inventory, Renderer(fleet="example"), 0
    for bundle in inventory.bundles.values():
        source = source_of(bundle, files)
        for name in placed_clusters(bundle, inventory):
            rendered = renderer.render(bundle, inventory.clusters[name], source)
            assert rendered.warnings == ()
            for manifest in rendered.manifests:
                kubernetes_validate.validate(dict(manifest.content), "1.32", strict=True)
                counted += 1
    assert counted == 6 * 6 + 6 * 4 + 1


def source_of(bundle: Bundle, files: dict[str, bytes]) -> SourceFiles:
    return SourceFiles(
        root=bundle.source.path,
        files={
            path: SourceFile(path=path, blob_id=digest_of(data), data=data)
            for path, data in files.items()
            if path.startswith(f"{bundle.source.path}/")
        },
    )
