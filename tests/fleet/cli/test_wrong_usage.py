"""Wrong words on the command line: a sentence and an exit code, never a traceback."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fleet.cli.main import main
from fleet.cli.output import say


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("FLOTILLA_SERVER", "FLOTILLA_TOKEN", "FLOTILLA_TOKEN_FILE", "FLOTILLA_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").touch()
    (tmp_path / "bytes").write_bytes(b"\xff")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("get clusters --token-file nowhere", 2, "cannot read the token in nowhere: No such file"),
        ("get clusters --token-file .", 2, "Is a directory"),
        ("get clusters --token-file empty", 2, "empty holds no token"),
        ("get clusters --token-file bytes", 2, "bytes holds no token"),
        ("get clusters -s here", 2, "cannot read the server address 'here'"),
        ("get clusters -s http://h:99999", 2, "cannot read the server address"),
        ("init file", 2, "file is no empty folder"),
        ("init file/below", 1, "Not a directory"),
        ("audit export --database foo://x", 2, "foo is not supported"),
        ("audit prune --before 1d --database foo://x", 2, "foo is not supported"),
        ("cluster add --context x --repo file", 1, "Not a directory"),
        ("cluster add --context x --name ../../x", 2, "'../../x' is no name of a cluster"),
        ("server --repo . --interval 0", 2, "--interval"),
        ("demo --clusters 0 --headless", 2, "--clusters"),
        ("cluster serve --clusters 0", 2, "--clusters"),
        ("cluster serve --port 99999", 2, "--port"),
    ],
)
def test_a_sentence_says_what_is_wrong(
    words: str,
    code: int,
    said: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["flotilla", *words.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, said in capsys.readouterr().err) == (code, True)
    assert sorted(path.name for path in here.iterdir()) == ["bytes", "empty", "file"]


def test_a_token_that_no_header_can_carry(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert here
    monkeypatch.setenv("FLOTILLA_TOKEN", "s€cret")
    monkeypatch.setattr(sys, "argv", ["flotilla", "get", "clusters", "-s", "http://127.0.0.1:9"])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().err
    assert "no token has" in said
    assert "s€cret" not in said


def test_words_of_others_do_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("suspended by bob: \x1b]0;owned\x07\nresume it, \udcff")
    assert capsys.readouterr().err == "suspended by bob: �]0;owned�\nresume it, �\n"
