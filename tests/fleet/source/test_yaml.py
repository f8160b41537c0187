import itertools
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fleet.source.yaml import Limits, YamlProblem, read_documents

SHARED = Path(__file__).parents[3].parent / "shared"
HEAD = "apiVersion: v1\nkind: X\nmetadata: {name: x}\n"

TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(-(2**53), 2**53)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)


def read(text: str, limits: Limits | None = None) -> list[Any]:
    documents = read_documents(text.encode(), file="f.yaml", limits=limits or Limits())
    return [document.content for document in documents]


def refusal(text: str | bytes, limits: Limits | None = None) -> str:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(YamlProblem) as caught:
        read_documents(data, file="f.yaml", limits=limits or Limits())
    return str(caught.value)


def conformance_cases() -> list[Any]:
    path = SHARED / "conformance" / "yaml_values.json"
    return json.loads(path.read_text())["cases"] if path.exists() else []


def text_of(case: dict[str, Any]) -> str:
    return HEAD + (case.get("document_tail") or "spec:\n  " + case["spec_yaml"])


@pytest.mark.skipif(not conformance_cases(), reason="no ../shared/conformance")
def test_reads_what_kubectl_reads() -> None:
    compared = 0
    for case in conformance_cases():
        if "error" in case:
            refusal(text_of(case))
        elif case.get("document_tail") == "spec:\n  v: 1\n  v: 2\n":
            assert "given twice" in refusal(text_of(case))
        else:
            assert read(text_of(case))[0]["spec"] == case["json"], case
        compared += 1
    assert compared > 70


def test_empty_documents_are_left_out_and_lines_are_those_of_the_file() -> None:
    text = "# nothing\n---\na: 1\n---\n---\n# c\n\nb: 2\n...\n---\nnull\n"
    documents = read_documents(text.encode(), file="f.yaml")
    assert [(one.content, one.line) for one in documents] == [({"a": 1}, 3), ({"b": 2}, 8)]
    assert read("") == []
    assert read("# only a comment\n") == []


def test_a_byte_order_mark_and_windows_line_ends_are_nothing_special() -> None:
    assert read("\ufeffa: 1\r\nb: |\r\n  x\r\n  y\r\n") == [{"a": 1, "b": "x\ny\n"}]


def test_merges_take_earlier_mappings_first_and_give_way_to_later_keys() -> None:
    text = "a: &a {k: 1, m: 1}\nb: &b {k: 2, z: 2}\nc: {<<: [*a, *b], m: 3}\n"
    assert read(text)[0]["c"] == {"k": 1, "m": 3, "z": 2}


def test_aliases_are_copies() -> None:
    [content] = read("a: &a {list: [1]}\nb: *a\n")
    content["a"]["list"].append(2)
    assert content["b"] == {"list": [1]}


def test_an_anchor_can_be_set_again_and_ends_with_its_document() -> None:
    assert read("- &a 1\n- *a\n- &a 2\n- *a\n") == [[1, 1, 2, 2]]
    assert "no anchor &a" in refusal("- &a 1\n---\n- *a\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: the key 'a' is given twice (first in line 1)"),
        ("1: a\n'1': b\n", "f.yaml:2:1: the key '1' is given twice"),
        ("yes: a\ntrue: b\n", "the key 'true' is given twice"),
        ("<<: {a: 1}\n<<: {b: 1}\n", "the key '<<' is given twice"),
        ("a: 1\n<<: {a: 2}\n", "write '<<' before the keys that override it"),
        ("<<: 3\n", "'<<' takes a mapping"),
        ("? [a]\n: b\n", "a key must be a text"),
        ("- &a 1\n- {*a : 2}\n", "an alias used as a key must stand for a text"),
        ("~: a\n", "a key must not be empty or null"),
        ("a: *b\n", "f.yaml:1:4: no anchor &b before this *b"),
        ("a: &a [*a]\n", "*a stands inside &a itself"),
        ("a:\n\tb: 1\n", "f.yaml:2:1: no valid YAML: "),
        ("a: b: c\n", "put a text that holds ': ' in quotes"),
        ("a: .nan\n", "JSON knows no infinity and no NaN"),
        ("a: !!binary //8=\n", "must be the base64 of UTF-8 text"),
        ("a: !!int x\n", "this is no !!int"),
        ("a: 'b\n", "unexpected end of stream"),
        ("a: 1\n...\nb: 2\n", "f.yaml:3:1: "),
        (b"a: 1\nb: \xff\n", "f.yaml:2:4: no text: invalid"),
        (b"a: \x00\n", "control characters are not allowed"),
    ],
)
def test_cve_2020_14343_refusals_say_where_and_what_to_do(text: str | bytes, message: str) -> None:
    assert message in refusal(text)


def laughs(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        many = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{many}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "limits", "message"),
    [
        ("a" * 101, Limits(bytes_max=100), "the file has 101 bytes; at most 100 are read"),
        ("--- 1\n" * 4, Limits(documents_max=3), "f.yaml:4:1: more than 3 documents"),
        ("- a\n" * 9, Limits(nodes_max=9), "f.yaml:9:3: more than 9 values"),
        ("a: " + "b" * 11, Limits(scalar_max=10), "a text of 11 characters; at most 10"),
        ("? " + "b" * 11 + "\n: c", Limits(scalar_max=10), "a text of 11 characters; at most 10"),
        ("[" * 200, Limits(), "f.yaml:1:101: nested more than 100 deep"),
        ("[" * 10_000, Limits(), "nested more than 100 deep"),
        ("{a: " * 10_000, Limits(), "nested more than 100 deep"),
        ("- " * 10_000, Limits(), "nested more than 100 deep"),
        (laughs(12), Limits(), "stand for more than 1,000,000 values"),
        ("a: &a " + "x" * 60 + "\nb: [*a, *a]", Limits(alias_weight_max=100), "stand for more"),
        ("a: &a [[1]]\nb: [[*a]]", Limits(depth_max=4), "nested too deep through aliases"),
    ],
)
def test_cve_2022_31016_limits_hold_before_the_memory_is_spent(
    text: str, limits: Limits, message: str
) -> None:
    assert message in refusal(text, limits)


def test_a_gigabyte_is_refused_by_its_size_alone() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return 2**30

    with pytest.raises(YamlProblem, match="1,073,741,824 bytes"):
        read_documents(Huge(), file="f.yaml")


def test_line_of_gives_the_line_of_a_key_an_item_or_the_nearest_parent() -> None:
    text = "a: 0\n---\nkind: X\nspec:\n  list:\n  - name: one\n  - name: two\n    size: 3\n"
    document = read_documents(text.encode(), file="f.yaml")[1]
    assert document.line_of(()) == 3
    assert document.line_of(("spec",)) == 4
    assert document.line_of(("spec", "list", 1)) == 7
    assert document.line_of(("spec", "list", 1, "size")) == 8
    assert document.line_of(("spec", "list", 1, "missing", "deeper")) == 7
    assert document.line_of(("spec", "list", 5)) == 5
    assert document.line_of(("kind", "inside a scalar")) == 3
    assert document.line_of(("missing",)) == 3


def test_line_of_copes_with_anchors_set_again_aliases_and_odd_keys() -> None:
    text = "a: &x {k: 1}\nb: &x\n  k: 2\n'z z': &y w\n*y : 1\nc:\n- *x\n- 2\n"
    document = read_documents(text.encode(), file="f.yaml")[0]
    assert document.line_of(("b", "k")) == 3
    assert document.line_of(("z z",)) == 4
    assert document.line_of(("c", 0, "k")) == 7
    assert document.line_of(("c", 1)) == 8


@given(JSON)
def test_json_is_yaml(value: object) -> None:
    text = json.dumps({"v": value}, ensure_ascii=False)
    assert read(text) == [{"v": value}]


@given(JSON)
def test_what_yaml_tools_write_is_read_back(value: object) -> None:
    text = yaml.safe_dump({"v": value}, default_style='"', allow_unicode=True)
    assert read(text) == [{"v": value}]


@given(st.binary(max_size=60) | st.text("-:?[]{}&*!|>'\"%@`#,. \n\ta1<~=", max_size=60))
def test_any_bytes_are_read_or_refused_and_what_is_read_is_json(noise: bytes | str) -> None:
    data = noise.encode() if isinstance(noise, str) else noise
    try:
        documents = read_documents(data, file="f.yaml")
    except YamlProblem:
        return
    for document in documents:
        again = read_documents(orjson.dumps(document.content), file="again.json")
        assert [one.content for one in again] == [document.content]
        assert document.line_of(()) == document.line


@pytest.mark.skipif(not SHARED.exists(), reason="no ../shared/samples")
def test_all_samples_are_read() -> None:
    files = itertools.chain(
        (SHARED / "samples" / "kube-prometheus").rglob("*.yaml"),
        (SHARED / "samples" / "online-boutique" / "kubernetes-manifests").rglob("*.yaml"),
    )
    counted = 0
    for file in files:
        for content in (one.content for one in read_documents(file.read_bytes(), file=file.name)):
            counted += len(content["items"]) if content["kind"].endswith("List") else 1
    assert counted >= 131
