"""Where the server listens, and what its file of tokens may hold."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from aiohttp import web

from fleet.control.listening import StartFailed, is_open_to_others, read_tokens, site_of


@pytest.fixture
async def runner() -> web.AppRunner:
    made = web.AppRunner(web.Application())
    await made.setup()
    return made


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        # `admin:$TOKEN` with no such variable: whoever sent no token would have been admin.
        ("ada:s3cret\nadmin:\n", ":2: admin has no token"),
        ("ada s3cret\n", "neither a name nor a token has blanks"),
        ("ada: s3cret\n", "blanks"),
        ("flotilla:s3cret\n", "what the server calls itself"),
        ("ada:s3\x07cret\n", "blanks"),
    ],
)
def test_a_line_that_is_no_token_lets_nobody_in(tmp_path: Path, lines: str, said: str) -> None:
    (tmp_path / "tokens").write_text(lines)
    with pytest.raises(StartFailed, match=said):
        read_tokens(tmp_path / "tokens")


def test_no_word_of_a_comment_is_a_token(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("# tokens of the team\n\nada:s3cret\n  # end\n")
    assert read_tokens(tmp_path / "tokens") == {"ada": "s3cret"}


def test_a_missing_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    made = read_tokens(tmp_path / "tokens")
    assert list(made) == ["admin"]
    assert (tmp_path / "tokens").stat().st_mode & 0o777 == 0o600
    assert read_tokens(tmp_path / "tokens") == made


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for path in (tmp_path, tmp_path / "nowhere" / "tokens", tmp_path / "bytes"):
        with pytest.raises(StartFailed, match=str(path)):
            read_tokens(path)


@pytest.mark.parametrize("listen", ["localhost", "127.0.0.1:http", "127.0.0.1:99999", ":", "9" * 9])
async def test_an_address_that_is_none_is_said(runner: web.AppRunner, listen: str) -> None:
    with pytest.raises(ValueError, match="write unix:PATH or HOST:PORT"):
        site_of(runner, listen)


async def test_a_file_in_the_way_of_the_socket_stays(runner: web.AppRunner, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(OSError, match="no socket"):
        site_of(runner, f"unix:{tmp_path / 'notes'}")
    assert (tmp_path / "notes").read_text() == "mine"


async def test_a_socket_that_somebody_listens_on_is_not_taken(
    runner: web.AppRunner, tmp_path: Path
) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(OSError, match="another server listens"):
            site_of(runner, f"unix:{path}")
    await site_of(runner, f"unix:{path}").start()  # that one is gone
    await runner.cleanup()


@pytest.mark.parametrize(
    ("listen", "is_open"),
    [
        ("unix:/run/x", False), (":8480", False), ("127.0.0.1:8480", False),
        ("localhost:8480", False), ("[::1]:8480", False), ("0.0.0.0:8480", True),
        ("[::]:8480", True), ("fleet.example:8480", True),
    ],
)  # fmt: skip
def test_who_can_be_reached_from_other_machines(listen: str, is_open: bool) -> None:
    assert is_open_to_others(listen) == is_open
