from hypothesis import given
from hypothesis import strategies as st

from tui.content.filtering import parse_filter
from tui.content.rows import COLUMN_GAP, Column, RowModel, fit_columns
from tui.text.format import Line, Tone, text


def _cell(row: tuple[str, int]) -> Line:
    return text(row[0])


def model(sort: str = "name") -> RowModel[tuple[str, int]]:
    return RowModel(
        [
            Column("name", "name", 8, _cell, sort=lambda row: row[0], priority=0),
            Column("size", "size", 4, _cell, sort=lambda row: row[1], descending=True, priority=2),
            Column("note", "note", 6, _cell, grow=1, priority=1),
        ],
        search=lambda row: row[0],
        fault=lambda row: row[1] > 5,
        cause=lambda row: str(row[1]),
        sort=sort,
    )


def filled(sort: str = "name") -> RowModel[tuple[str, int]]:
    made = model(sort)
    made.replace({"k1": ("b", 1), "k2": ("a", 9), "k3": ("c", 9)})
    return made


def test_rows_stand_in_the_order_of_the_sorted_column() -> None:
    assert filled().order == ["k2", "k1", "k3"]
    assert filled("size").order == ["k2", "k3", "k1"]


def test_sorting_by_the_same_column_again_turns_the_order_round() -> None:
    rows = filled()

    rows.sort_by("name")

    assert rows.order == ["k3", "k1", "k2"]


def test_sort_next_goes_through_the_columns_that_can_be_sorted() -> None:
    rows = filled()

    rows.sort_next()
    assert rows.sort_id == "size"
    rows.sort_next()
    assert rows.sort_id == "name"


def test_without_a_sorted_column_rows_stay_as_they_were_given() -> None:
    assert filled("").order == ["k1", "k2", "k3"]


def test_a_change_that_moves_nothing_says_which_row_to_paint() -> None:
    rows = filled()

    assert rows.update({"k1": ("b", 2), "k2": ("a", 9)}) == ({"k1"}, False)


def test_a_change_of_the_sorted_value_moves_rows() -> None:
    rows = filled()

    assert rows.update({"k1": ("z", 1)}) == ({"k1"}, True)
    assert rows.order == ["k2", "k3", "k1"]


def test_a_row_that_goes_takes_its_mark_along() -> None:
    rows = filled()
    rows.marks = {"k1", "k2"}

    rows.update({"k1": None})

    assert rows.marks == {"k2"}
    assert rows.order == ["k2", "k3"]


def test_a_row_that_no_longer_matches_the_filter_leaves_the_order() -> None:
    rows = filled()
    rows.set_filter(parse_filter("b"))
    assert rows.order == ["k1"]

    _, moved = rows.update({"k1": ("x", 1)})

    assert moved
    assert rows.order == []


def test_faults_only_hides_what_is_well() -> None:
    rows = filled()

    rows.set_faults_only(True)

    assert rows.order == ["k2", "k3"]


def test_marking_the_same_cause_marks_only_what_is_shown() -> None:
    rows = filled()
    rows.set_filter(parse_filter("a|b"))

    assert rows.mark_same("k2") == 1
    assert rows.marks == {"k2"}


def test_columns_leave_by_priority_and_the_rest_is_shared() -> None:
    columns = model().columns

    wide = fit_columns(columns, 40)
    assert [each.column.id for each in wide] == ["name", "size", "note"]
    assert sum(each.width for each in wide) + 2 * COLUMN_GAP == 40
    assert [each.column.id for each in fit_columns(columns, 17)] == ["name", "note"]
    assert [each.column.id for each in fit_columns(columns, 9)] == ["name"]


def test_wide_means_more_columns_and_no_sentence() -> None:
    columns = model().columns
    assert [each.column.id for each in fit_columns(columns, 17, wide=True)] == ["name", "size"]
    everything = fit_columns(columns, 40)
    assert fit_columns(columns, 40, wide=True) == everything


Rows = st.dictionaries(
    st.sampled_from([f"k{number}" for number in range(8)]),
    st.tuples(st.sampled_from("abc"), st.integers(0, 9)),
)
Changes = st.dictionaries(
    st.sampled_from([f"k{number}" for number in range(8)]),
    st.none() | st.tuples(st.sampled_from("abc"), st.integers(0, 9)),
)


@given(Rows, st.lists(Changes, max_size=6), st.sampled_from(["", "a", "!b"]))
def test_changes_one_by_one_lead_where_a_whole_replacement_leads(
    first: dict[str, tuple[str, int]],
    changes: list[dict[str, tuple[str, int] | None]],
    wanted: str,
) -> None:
    stepwise, at_once = model("size"), model("size")
    for each in (stepwise, at_once):
        each.set_filter(parse_filter(wanted))
    stepwise.replace(first)
    whole: dict[str, tuple[str, int]] = dict(first)
    for change in changes:
        stepwise.update({key: row for key, row in change.items() if row or key in stepwise.rows})
        whole.update({key: row for key, row in change.items() if row})
        for key in [key for key, row in change.items() if row is None]:
            whole.pop(key, None)
    at_once.replace(whole)

    assert stepwise.rows == at_once.rows
    assert stepwise.order == at_once.order
    assert all(stepwise.position(key) == at for at, key in enumerate(stepwise.order))


def test_tones_of_a_cell_are_kept() -> None:
    assert _cell(("a", 1)) == (("a", Tone.PLAIN),)
