import itertools
import json
import shutil
import subprocess

import pytest

from fleet.source.scalars import ScalarError, key_of, value_of
from fleet.source.yaml import YamlProblem, read_documents


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("y", True), ("Off", False), ("yEs", "yEs"), ("", None), ("~", None), ("nil", "nil"),
        ("0o17", 15), ("-0x1F", -31), ("0b11", 3), ("0777", 511), ("08", 8), ("1_000", 1000),
        ("_1", "_1"), ("1e3", 1000), ("1E400", "1E400"), ("1.0", 1), (".5", 0.5), ("5.", 5),
        ("+.5", 0.5), (".5_0", ".5_0"), ("1:30", "1:30"), ("2020-01-01", "2020-01-01"),
        ("12345678901234567890", 12345678901234567000), ("9007199254740993", 9007199254740993),
        ("-9223372036854775808", -(2**63)), ("100000000000000000000", 1e20), ("9" * 400, "9" * 400),
        ("9" * 5000, "9" * 5000), ("1.2.3", "1.2.3"), ("-", "-"), ("0x", "0x"), ("=", "="),
    ],
)  # fmt: skip
def test_plain_scalars(text: str, value: object) -> None:
    found = value_of(text, tag=None, plain=True)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize("text", ["yes", "1", "", "0x1F", ".nan"])
def test_quoted_scalars_are_text(text: str) -> None:
    assert value_of(text, tag=None, plain=False) == text


@pytest.mark.parametrize(
    ("tag", "text", "value"),
    [
        ("str", "5", "5"), ("int", "5", 5), ("float", "5", 5), ("float", "1.5", 1.5),
        ("bool", "on", True), ("null", "~", None), ("binary", "aGk=", "hi"),
        ("timestamp", "2020-01-01", "2020-01-01"), ("map", "5", "5"),
    ],
)  # fmt: skip
def test_tags(tag: str, text: str, value: object) -> None:
    assert value_of(text, tag=f"tag:yaml.org,2002:{tag}", plain=False) == value


def test_unknown_tags_make_text_and_build_nothing() -> None:
    assert value_of("5", tag="!custom", plain=False) == "5"
    assert value_of("os.system", tag="tag:yaml.org,2002:python/name", plain=False) == "os.system"


@pytest.mark.parametrize(
    ("tag", "text"),
    [("int", "x"), ("int", "1.5"), ("bool", "1"), ("null", "0"), ("binary", "?"), ("float", "a")],
)
def test_content_that_is_not_what_its_tag_says_is_refused(tag: str, text: str) -> None:
    with pytest.raises(ScalarError):
        value_of(text, tag=f"tag:yaml.org,2002:{tag}", plain=False)


@pytest.mark.parametrize(
    ("text", "key"),
    [("a", "a"), ("1", "1"), ("0x10", "16"), ("n", "false"), ("1.5", "1.5"), ("1e3", "1000")],
)
def test_keys_are_named_as_kubectl_names_them(text: str, key: str) -> None:
    assert key_of(text, tag=None, plain=True) == key


@pytest.mark.parametrize("text", ["~", "", "1e6", "1.2345678", ".inf", "18446744073709551615"])
def test_keys_without_one_obvious_text_are_refused(text: str) -> None:
    with pytest.raises(ScalarError, match="quotes"):
        key_of(text, tag=None, plain=True)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kubectl_reads_a_grid_of_scalars_alike() -> None:
    """`kubectl annotate --local` prints what it read; it needs no cluster."""
    atoms = ("0", "1", "8", "_", ".", "+", "-", "e", "x", "b", "o", "f", ":", "!!int ", "!!str ")
    written, ours = [], []
    for parts in itertools.product(atoms, repeat=3):
        text = f"apiVersion: v1\nkind: Foo\nmetadata: {{name: x}}\nv: {''.join(parts)}\n"
        try:
            [document] = read_documents(text.encode(), file="f.yaml")
        except YamlProblem:
            continue
        written.append(text)
        ours.append(document.content.get("v"))
    answer = subprocess.run(
        ["kubectl", "annotate", "--local", "--output=json", "--filename=-", "a=b"],
        input="---\n".join(written), text=True, capture_output=True, check=True,
    ).stdout  # fmt: skip
    decoder, position, theirs = json.JSONDecoder(), 0, []
    while position < len(answer.rstrip()):
        found, position = decoder.raw_decode(answer, position)
        position += 1
        theirs.append(found.get("v"))
    differing = [
        (text, our, their)
        for text, our, their in zip(written, ours, theirs, strict=True)
        if our != their
    ]
    assert len(written) > 1000
    # Go's ParseInt takes a sign behind the prefix 0b; nobody writes that on purpose.
    assert [one for one in differing if "0b+" not in one[0] and "0b-" not in one[0]] == []
