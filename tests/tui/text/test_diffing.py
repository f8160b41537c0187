from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from fleet.view import FieldChange, ObjectDetail
from tests.fakes import fleets
from tests.fakes.api_server import detail
from tui.text.diffing import LINES_MAX, diff_lines, field_lines, is_hunk, yaml_diff, yaml_lines
from tui.text.format import Tone, plain


def deployment() -> ObjectDetail:
    view = fleets.cluster(5, 24)
    obj = next(o for o in fleets.objects(view) if o.kind == "Deployment" and o.bundle == "web")
    return detail(view.name, obj)


def test_minus_is_live_and_plus_is_desired() -> None:
    lines = [plain(line) for line in diff_lines(deployment())]

    assert "-  replicas: 7" in lines
    assert "+  replicas: 3" in lines
    assert lines.index("-  replicas: 7") < lines.index("+  replicas: 3")


def test_what_an_apply_would_not_touch_is_no_alarm() -> None:
    found = msgspec.structs.replace(deployment(), changes=())
    lines = diff_lines(found)

    words = [plain(line) for line in lines]
    assert "✓ every field that Git sets is as desired" in words
    assert "-  replicas: 7" in words
    assert not {tone for line in lines for _, tone in line} & {Tone.ADDED, Tone.REMOVED}
    assert any(is_hunk(line) for line in lines)


def test_equal_texts_have_no_difference() -> None:
    found = deployment()
    same = msgspec.structs.replace(found, live_yaml=found.desired_yaml)

    assert yaml_diff("a: 1\n", "a: 1\n") == []
    assert plain(diff_lines(same)[-1]) == "✓ live is as desired"


def test_secret_values_are_never_written_out() -> None:
    secret = FieldChange(path="data.password", desired="hunter2", live="hunter3", masked=True)

    (line,) = field_lines([secret])

    assert "hunter" not in plain(line)
    assert "secret" in plain(line)


def test_fields_show_both_values() -> None:
    (line,) = field_lines([FieldChange(path="spec.replicas", desired=3, live=None)])

    assert plain(line) == "spec.replicas  (not set) → 3"


def test_the_next_difference_can_be_found() -> None:
    lines = yaml_diff("\n".join(map(str, range(99))), "\n".join(map(str, range(1, 98))))

    assert [is_hunk(line) for line in lines].count(True) == 2


def test_a_text_too_long_to_compare_says_where_to_look() -> None:
    long = "\n".join(map(str, range(LINES_MAX)))

    assert "pager" in plain(yaml_diff(long, "a: 1")[0])


def test_keys_of_yaml_stand_out_from_values() -> None:
    lines = yaml_lines("spec:\n  image: nginx:1.27\n- item\n")

    assert lines[0] == (("spec:", Tone.ACCENT), ("", Tone.PLAIN))
    assert lines[1] == (("  image:", Tone.ACCENT), (" nginx:1.27", Tone.PLAIN))
    assert lines[2] == (("- item", Tone.PLAIN),)


def test_what_a_cluster_sends_cannot_leave_its_line() -> None:
    lines = yaml_diff("a: \x1b[2J\n", "a: b\x07\n")

    assert all(part.isprintable() for line in lines for part, _ in line)


def test_a_hundred_thousand_lines_with_one_change_are_compared() -> None:
    same = [f"key{number}: {number}" for number in range(100_000)]
    other = [*same[:70_000], "key70000: changed", *same[70_001:]]

    rows = [plain(line) for line in yaml_diff("\n".join(same), "\n".join(other))]

    assert rows[0] == "@@ -69997,9 +69997,9 @@"
    assert [row for row in rows if row[0] in "+-"] == ["-key70000: 70000", "+key70000: changed"]


def patched(old: Sequence[str], rows: Sequence[str]) -> list[str]:
    """The lines that a unified diff makes of `old`; what it says of them must be so."""
    new: list[str] = []
    at = 0
    for row in rows:
        if row.startswith("@@"):
            start, *length = row.split()[1].removeprefix("-").split(",")
            first = int(start) - (1 if length != ["0"] else 0)
            new += old[at:first]
            at = first
        elif row[0] in " -":
            assert old[at] == row[1:]
            new += [row[1:]] if row[0] == " " else []
            at += 1
        else:
            new.append(row[1:])
    return new + list(old[at:])


some_lines = st.lists(st.sampled_from("abc"), min_size=1, max_size=40)


@given(some_lines, some_lines, some_lines, some_lines)
def test_what_is_live_with_the_difference_is_what_is_desired(
    before: list[str], old: list[str], new: list[str], after: list[str]
) -> None:
    live, desired = [*before, *old, *after], [*before, *new, *after]
    rows = [plain(line) for line in yaml_diff("\n".join(live), "\n".join(desired))]

    assert patched(live, rows) == desired
