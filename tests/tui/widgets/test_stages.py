from tests.fakes import fleets
from tui.text.format import plain
from tui.widgets.stages import stage_boxes, stage_rows

STAGES = fleets.rollout(fleets.fleet(24).clusters).stages


def test_boxes_stand_beside_each_other_where_there_is_room() -> None:
    lines = [plain(line) for line in stage_boxes(STAGES, 60)]

    assert len(lines) == 5
    assert lines[2] == "│ 3/3 ██████   │──▸│ 6/6 ██████   │──▸│ 0/15         │"
    assert len({len(line) for line in lines}) == 1


def test_narrow_terminals_list_the_stages() -> None:
    assert stage_boxes(STAGES, 50) == []
    assert [plain(line).rstrip() for line in stage_rows(STAGES, 50)] == [
        "✓ complete  dev  3/3",
        "✓ complete  stage  6/6",
        "◆ waiting  prod  0/15",
    ]


def test_a_rollout_without_stages_shows_none() -> None:
    assert stage_boxes([], 100) == []
