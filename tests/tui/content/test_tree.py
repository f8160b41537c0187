from fleet.view import BundleOnCluster, ObjectView
from tests.fakes import fleets
from tui.content.tree import TreeRow, status_cell, tree_cell, tree_rows
from tui.text.format import plain


def given(index: int) -> tuple[list[BundleOnCluster], tuple[ObjectView, ...]]:
    view = fleets.cluster(index, 24)
    return [fleets.placement(view, name) for name in fleets.BUNDLES], fleets.objects(view)


def test_what_is_ill_is_open_at_first_and_the_rest_is_closed() -> None:
    placements, objects = given(5)

    rows = tree_rows(placements, objects, folded={})

    assert [row.key for row in rows if row.object is None] == list(fleets.BUNDLES)
    assert {row.placement.bundle for row in rows if row.object} == {"web"}


def test_what_a_person_folded_stays_so() -> None:
    placements, objects = given(5)

    rows = tree_rows(placements, objects, folded={"web": True, "search": False})

    assert {row.placement.bundle for row in rows if row.object} == {"search"}


def test_a_drifted_object_says_so_before_its_health() -> None:
    placements, objects = given(5)
    rows = tree_rows(placements, objects, folded={})

    (drifted,) = [row for row in rows if row.object and row.object.drifted]

    assert plain(tree_cell(drifted)) == "  ├ ▲ Deployment/web"
    assert plain(status_cell(drifted)) == "drifted"


def test_the_last_object_of_a_bundle_closes_its_branch() -> None:
    placements, objects = given(5)
    rows = tree_rows(placements, objects, folded={})

    assert plain(tree_cell(rows[-1])) == "  └ ✓ PodDisruptionBudget/web"
    assert [row.key for row in rows].count("web") == 1


def test_a_failed_object_says_why() -> None:
    placements, objects = given(3)
    rows = tree_rows(placements, objects, folded={})
    failed = [row for row in rows if row.object and row.object.health == "Degraded"]

    assert plain(status_cell(failed[0])) == "failed: ImagePullBackOff: image not found"


def test_an_object_in_a_state_nobody_knows_looks_unknown() -> None:
    placements, objects = given(0)
    obj = ObjectView(
        bundle="web", group="", kind="X", namespace="", name="x", health="?", state="melting"
    )

    assert plain(tree_cell(TreeRow(placement=placements[-1], object=obj))).startswith("  ├ ◌ X/")
    assert objects
