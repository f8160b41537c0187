"""Drift in groups: what belongs together, what a filter leaves of it, and what is under it."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.view import DriftView
from tests.fakes import fleets
from tui.content.drift_inbox import (
    DriftGroup,
    DriftRow,
    Grouping,
    InboxModel,
    drift_groups,
    drift_rows,
    name_cell,
    what_cell,
    where_cell,
    who_cell,
)
from tui.content.filtering import parse_filter
from tui.content.rows import Column
from tui.text.format import plain


def drift(number: int, **changed: object) -> DriftView:
    made = fleets.drift(fleets.cluster(5, 24), number=number)
    return msgspec.structs.replace(made, **changed)


REPLICAS_1 = drift(1, cluster="prod-1", seen_at=fleets.NOW - timedelta(hours=2))
REPLICAS_2 = drift(2, cluster="prod-2")
IMAGE = drift(3, cluster="prod-1", paths=("spec.image",), same_as="image", who="dave")
GONE = drift(
    4, cluster="dev-1", paths=(), same_as="", kind="Service", bundle="shop", state="corrected"
)
ALL = [REPLICAS_1, REPLICAS_2, IMAGE, GONE]
KEYED = {each.id: each for each in ALL}


def model(drifts: Mapping[str, DriftView] = KEYED) -> InboxModel:
    columns: list[Column[DriftRow]] = [
        Column("name", "name", 20, name_cell, sort=lambda row: row.group.title)
    ]
    made = InboxModel(columns)
    made.take(drifts)
    return made


def names(made: InboxModel) -> list[str]:
    return [plain(name_cell(made.rows[key])).rstrip() for key in made.order]


@pytest.mark.parametrize(
    ("grouping", "titles"),
    [
        (Grouping.CHANGE, ["Deployment/web", "Deployment/web", "Service/web"]),
        (Grouping.CLUSTER, ["prod-1", "prod-2", "dev-1"]),
        (Grouping.BUNDLE, ["web", "shop"]),
        (Grouping.MANAGER, ["dave", "kubectl-edit (Update)"]),
    ],
)
def test_drift_is_grouped_by_what_it_has_in_common(grouping: Grouping, titles: list[str]) -> None:
    assert sorted(group.title for group in drift_groups(ALL, grouping)) == sorted(titles)


def test_identical_drift_is_one_group() -> None:
    first, *_ = drift_groups([REPLICAS_2, REPLICAS_1])

    assert [each.cluster for each in first.drifts] == ["prod-1", "prod-2"]
    assert first.seen_at == REPLICAS_1.seen_at


@pytest.mark.parametrize(
    ("states", "group"),
    [
        (("open", "open"), "open"),
        (("corrected", "open"), "open"),
        (("open", "fighting"), "fighting"),
        (("acknowledged", "acknowledged"), "acknowledged"),
    ],
)
def test_a_group_is_as_bad_as_its_worst(states: tuple[str, str], group: str) -> None:
    made = [drift(number, state=state) for number, state in enumerate(states)]

    assert drift_groups(made)[0].states == group


def test_what_is_settled_comes_last() -> None:
    assert drift_groups(ALL)[-1].first is GONE


def test_a_group_is_folded_until_it_is_opened_and_one_of_one_has_nothing_to_unfold() -> None:
    made = model()
    assert names(made) == ["  Deployment/web", "▸ Deployment/web", "  Service/web"]
    made.fold("web/replicas-7", closed=False)
    assert names(made)[1:4] == ["▾ Deployment/web", "  ├ prod-1", "  └ prod-2"]
    made.fold("web/replicas-7", closed=True)
    assert len(made) == 3
    made.fold("image", closed=False)
    assert len(made) == 3


def test_members_stay_below_their_group_however_it_is_sorted() -> None:
    made = model()
    made.group_by(Grouping.BUNDLE)
    made.fold("web", closed=False)
    for _ in range(2):
        made.sort_by("name")
        rows = [made.rows[key] for key in made.order]
        groups = [row.group.key for row in rows]
        assert [row.group.key for row in rows if row.drift is None] == list(dict.fromkeys(groups))
        assert all(row.drift is None for row in rows if row.key == row.group.key)


def test_a_filter_looks_at_single_drifts_and_a_group_goes_with_its_last() -> None:
    made = model()
    made.set_filter(parse_filter("prod-2"))
    assert names(made) == ["  Deployment/web"]
    assert made.rows[made.order[0]].one is REPLICAS_2
    assert made.tally == "1 change · 1 object of 4"
    made.set_filter(parse_filter("!prod"))
    assert names(made) == ["  Service/web"]
    made.set_filter(parse_filter(""))
    made.set_faults_only(True)
    assert len(made) == 2


def test_what_a_row_says_of_several_is_counted_where_it_differs() -> None:
    (group,) = drift_groups([REPLICAS_1, IMAGE], Grouping.CLUSTER)
    row = DriftRow(group=group)

    assert plain(where_cell(row)) == "prod-1"
    assert plain(what_cell(row)) == "2 changes"
    assert plain(who_cell(row)) == "2 people"
    member = DriftRow(group=group, drift=REPLICAS_1)
    assert plain(what_cell(member)) == "spec.replicas"


def test_grouping_by_another_thing_folds_all_and_forgets_marks() -> None:
    made = model()
    made.fold("web/replicas-7", closed=False)
    made.marks.add("web/replicas-7")
    made.group_by(Grouping.CLUSTER)

    assert not made.marks
    assert all(made.rows[key].drift is None for key in made.order)


drifts = st.builds(
    lambda number, cluster, same, state: drift(
        number, cluster=cluster, same_as=same, state=state, who=cluster + same
    ),
    st.integers(0, 10_000),
    st.sampled_from("abc"),
    st.sampled_from(["", "x", "x y", "x\0"]),
    st.sampled_from(["open", "corrected", "acknowledged", "fighting", "strange"]),
)


@given(st.lists(drifts, max_size=30, unique_by=lambda each: each.id), st.sampled_from(Grouping))
def test_every_drift_is_in_one_group_and_on_one_row(
    given_drifts: list[DriftView], grouping: Grouping
) -> None:
    groups = drift_groups(given_drifts, grouping)
    rows = drift_rows(groups, opened={group.key for group in groups})

    assert sorted(each.id for group in groups for each in group.drifts) == sorted(
        each.id for each in given_drifts
    )
    assert len({row.key for row in rows}) == len(rows)
    reached = [row.one for row in rows if row.one is not None]
    assert sorted(each.id for each in reached) == sorted(each.id for each in given_drifts)
    assert all(isinstance(row.group, DriftGroup) for row in rows)
