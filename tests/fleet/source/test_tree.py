"""Which names are files: symlinks inside the repository, attacks with them, strange names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.source.tree import (
    FOLDER_MODE,
    LINK_MODE,
    SUBMODULE_MODE,
    FolderMissing,
    RawEntry,
    TooManyFiles,
    Tree,
    normal_path,
    read_tree,
)


class Written:
    """A repository written down: path to content, `-> target` is a link, `@` a submodule."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files

    def lookup(self, path: str) -> RawEntry | None:
        if path in self.files:
            return self._raw(path)
        if not path or any(name.startswith(path + "/") for name in self.files):
            return RawEntry(path=path, object_id="folder", size=0, mode=FOLDER_MODE)
        return None

    def below(self, path: str) -> Iterable[RawEntry]:
        prefix = f"{path}/" if path else ""
        return [self._raw(name) for name in self.files if name.startswith(prefix)]

    def link_target(self, object_id: str) -> str:
        return object_id.removeprefix("-> ")

    def _raw(self, path: str) -> RawEntry:
        text = self.files[path]
        mode = 0o100644
        if text.startswith("-> "):
            mode = LINK_MODE
        elif text == "@":
            mode = SUBMODULE_MODE
        return RawEntry(path=path, object_id=text, size=len(text), mode=mode)


def tree_of(files: Mapping[str, str], path: str = "") -> Tree:
    return read_tree(Written(files), path, files_max=500)


@pytest.mark.parametrize(
    ("files", "path", "expected"),
    [
        ({"a": "1", "b/c": "2"}, "", {"a": "1", "b/c": "2"}),
        ({"a": "1", "b/c": "2"}, "b", {"b/c": "2"}),
        ({"b/c": "-> ../a", "a": "1"}, "b", {"b/c": "1"}),
        ({"b/c": "-> d", "b/d": "-> e", "b/e": "1"}, "b", {"b/c": "1", "b/d": "1", "b/e": "1"}),
        ({"now": "-> v2", "v2/a": "2"}, "now", {"now/a": "2"}),
        ({"b/l": "-> ../v2", "v2/x/a": "2"}, "b", {"b/l/x/a": "2"}),
        ({"b/l": "-> ../v2", "v2/a": "-> ./x/../b", "v2/b": "3", "v2/x/y": "4"}, "b/l",
         {"b/l/a": "3", "b/l/b": "3", "b/l/x/y": "4"}),
        ({"l/d": "-> ../v2/x", "v2/x/a": "-> ../b", "v2/b": "3"}, "l", {"l/d/a": "3"}),
    ],
)  # fmt: skip
def test_follows_links_inside_the_repository(
    files: dict[str, str], path: str, expected: dict[str, str]
) -> None:
    tree = tree_of(files, path)
    assert {name: entry.blob_id for name, entry in tree.items()} == expected
    assert all(name == entry.path for name, entry in tree.items())
    assert tree.problems == ()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/etc/passwd", "absolute path"),
        ("../../etc/passwd", "leaves the repository"),
        ("../a/../../x", "leaves the repository"),
        ("up", "leaves the repository"),
        ("missing", "points to nothing"),
        ("file/x", "points to nothing"),
        ("self", "links lead from one to the next"),
        (".", "contains it"),
        ("..", "contains it"),
        ("../sub/x", "points to nothing"),
        ("../sub", "submodule"),
        ("", "no readable target"),
        ("a\nb", "no readable target"),
    ],
)
def test_cve_2022_31036_links_that_lead_nowhere_are_refused_and_never_files(
    target: str, message: str
) -> None:
    files = {
        "b/self": f"-> {target}",
        "b/up": "-> ../../../etc/passwd",
        "b/file": "1",
        "a/x": "1",
        "sub": "@",
    }
    tree = tree_of(files, "b")
    assert set(tree) == {"b/file"}
    problem = next(problem for problem in tree.problems if problem.file == "b/self")
    assert message in problem.message


def test_cve_2022_24878_chains_and_bombs_of_links_end() -> None:
    chain = {f"c{n}": f"-> c{n + 1}" for n in range(100)} | {"c100": "end"}
    assert "links lead" in tree_of(chain).problems[0].message
    bomb = {f"d{n}/{name}": f"-> ../d{n + 1}" for n in range(30) for name in "xy"}
    with pytest.raises(TooManyFiles):
        tree_of(bomb | {"d30/a": "1"}, "d0")
    ring = {"a/x": "-> ../b", "b/y": "-> ../a", "b/f": "1"}
    tree = tree_of(ring, "a")
    assert set(tree) == {"a/x/f"}
    assert "contains it" in tree.problems[0].message


@pytest.mark.parametrize("path", ["missing", "a", "out", "sub", "b/c/d"])
def test_a_folder_that_is_not_there(path: str) -> None:
    with pytest.raises(FolderMissing):
        tree_of({"a": "1", "out": "-> /etc", "sub": "@", "b/c": "1"}, path)


def test_submodules_are_passed_over_with_a_warning() -> None:
    tree = tree_of({"lib": "@", "a": "1"})
    assert set(tree) == {"a"}
    assert tree.problems == ()
    assert [(warning.file, "submodules" in warning.message) for warning in tree.warnings] == [
        ("lib", True)
    ]


@pytest.mark.parametrize("name", ["x/../y", ".GIT/config", "a/.git", "a\x1b[2Jb", "a\u202eb"])
def test_names_that_no_honest_repository_has(name: str) -> None:
    tree = tree_of({name: "1", "ok": "2"})
    assert set(tree) == {"ok"}
    assert len(tree.problems) == 1
    assert "\x1b" not in str(tree.problems[0])


PARTS = st.sampled_from(["a", "b", "c", "..", "."])
TARGETS = st.lists(PARTS, min_size=1, max_size=5).map("/".join)


@given(
    links=st.dictionaries(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")).map("/".join), TARGETS, max_size=6
    ),
    path=st.sampled_from(["", "a", "b"]),
)
def test_whatever_the_links_only_files_of_the_repository_are_read(
    links: dict[str, str], path: str
) -> None:
    files = {"a/1": "one", "b/2": "two", "c/3": "three"}
    files |= {name: f"-> {target}" for name, target in links.items()}
    tree = tree_of(files, path)
    assert {entry.blob_id for entry in tree.values()} <= {"one", "two", "three"}
    assert all(".." not in name.split("/") for name in tree)


@pytest.mark.parametrize(
    ("text", "expected"), [("", ""), (".", ""), ("./a//b/", "a/b"), ("a/..b/c..", "a/..b/c..")]
)
def test_one_form_of_a_path(text: str, expected: str) -> None:
    assert normal_path(text) == expected


@pytest.mark.parametrize("text", ["/a", "a/..", "..", "a/../b", "~/x", "a\\b", "a\0", "x/.Git/y"])
def test_cve_2022_24348_paths_that_leave_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        normal_path(text)
