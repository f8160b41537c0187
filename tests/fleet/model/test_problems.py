from fleet.model.problems import InvalidFleet, Problem


def test_a_problem_is_one_line_with_place_field_found_and_allowed() -> None:
    problem = Problem(
        file="a.yaml", line=3, field="spec.x", message="is wrong", found="3", allowed="1 or 2"
    )
    assert str(problem) == "a.yaml:3: spec.x: is wrong (found 3; allowed 1 or 2)"
    assert str(Problem(file="a.yaml", line=1, message="no")) == "a.yaml:1: no"
    assert str(Problem(file="a", line=1, field="x", message="no", found="2")) == (
        "a:1: x: no (found 2)"
    )


def test_all_problems_come_in_reading_order_and_once() -> None:
    late = Problem(file="b.yaml", line=1, message="b")
    early = Problem(file="a.yaml", line=10, message="a")
    first = Problem(file="a.yaml", line=9, message="z")
    refused = InvalidFleet([late, early, first, early])
    assert refused.problems == (first, early, late)
    assert str(refused).splitlines() == ["a.yaml:9: z", "a.yaml:10: a", "b.yaml:1: b"]
