import pytest

from fleet.schema.translation import dotted, guess, shown
from tests.fleet.source.documents_by_hand import bundle, document, problems


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"), (True, "true"), (None, "null"), ("a\nb", r"'a\nb'"), ({}, "an empty mapping"),
        ({"password": "x"}, "a mapping"), ([1], "a list"), ("x" * 70, repr("x" * 57 + "...")),
    ],
)  # fmt: skip
def test_values_are_shown_short_and_without_the_contents_of_collections(
    value: object, text: str
) -> None:
    assert shown(value) == text


def test_paths_and_guesses() -> None:
    assert dotted(("spec", "stages", 2, "maxFailures")) == "spec.stages[2].maxFailures"
    assert dotted(()) == ""
    assert guess("maxfailures", ["maxFailures", "soak"]) == ", did you mean 'maxFailures'?"
    assert guess("zzz", ["maxFailures", "soak"]) == ""


def test_an_unknown_field_names_the_fields_of_its_place() -> None:
    spec = "{stages: [{name: a, select: x, gates: {befor: [g]}}]}"
    [found] = problems(document("Strategy", "s", spec))
    assert found == (
        "4: spec.stages[0].gates.befor: unknown field, did you mean 'before'? "
        "(allowed before, during, after)"
    )


def test_a_wrong_type_says_what_is_expected() -> None:
    rest = ", substitute: 'yes', values: {file: a}, namespace: 5, policy: {pruneMax: 1.5}"
    assert problems(bundle("w", "{selector: x}", rest)) == [
        "4: spec.namespace: has the wrong type (found 5; allowed a text (put it in quotes))",
        "4: spec.policy.pruneMax: has the wrong type (found 1.5; allowed a whole number)",
        "4: spec.substitute: has the wrong type (found 'yes'; allowed true or false)",
        "4: spec.values: has the wrong type (found a mapping; allowed a list)",
    ]


@pytest.mark.parametrize(
    "spec",
    [
        "{connection: {context: a, token: hunter2}}",
        "{connection: {secretRef: 'hunter2 x'}}",
        '{connection: {kubeconfig: "users:\\n- token: hunter2"}}',
        "{connection: {secretRef: {token: hunter2}}}",
        "{connection: {context: a, secretRef: hunter2}}",
    ],
)
def test_what_may_be_secret_is_never_shown(spec: str) -> None:
    found = problems(document("Cluster", "c", spec))
    assert found
    assert "hunter2" not in str(found)
    rest = ", values: [{inline: hunter2}], patches: [{target: {}, merge: hunter2}]"
    found = problems(bundle("b", "{selector: x}", rest))
    assert "4: spec.values[0].inline: has the wrong type (found a text; allowed a mapping)" in found
    assert "hunter2" not in str(found)
    source = "{path: x, git: 'https://me:hunter2@example.com/x'}"
    spec = f"{{source: {source}, placement: {{selector: x}}}}"
    assert "hunter2" not in str(problems(document("Bundle", "b", spec)))
