"""What Git prints, and what a person is told."""

from __future__ import annotations

import pytest

from fleet.source.errors import (
    AuthenticationFailed,
    HostKeyUnknown,
    MirrorFailed,
    RefNotFound,
    RepositoryNotFound,
    RepositoryUnreachable,
    SourceError,
)
from fleet.source.git_failures import QUOTED_MAX, explain
from fleet.source.urls import parse_url

URL = parse_url("https://bot:cAnArY@git.example/fleet.git")


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        ("fatal: unable to access 'https://git.example/fleet.git/': Could not resolve host: x",
         RepositoryUnreachable),
        ("fatal: unable to access 'https://x/': server certificate verification failed",
         RepositoryUnreachable),
        ("fatal: transport 'ext' not allowed", RepositoryUnreachable),
        ("fatal: repository 'https://git.example/fleet.git/' not found", RepositoryNotFound),
        ("fatal: detected dubious ownership in repository at '/srv/fleet'", RepositoryNotFound),
        ("remote: Repository not found.\nfatal: Authentication failed for 'https://x/'",
         AuthenticationFailed),
        ("git@git.example: Permission denied (publickey).\nfatal: Could", AuthenticationFailed),
        ("Host key verification failed.\nfatal: Could not read from remote", HostKeyUnknown),
        ("fatal: couldn't find remote ref refs/heads/x", RefNotFound),
        ("fatal: remote error: upload-pack: not our ref 0123", RefNotFound),
        ("error: Server does not allow request for unadvertised object 0123", RefNotFound),
        ("fatal: write error: No space left on device", MirrorFailed),
        ("error: insufficient permission for adding an object to repository database objects",
         MirrorFailed),
        ("", RepositoryUnreachable),
    ],
)  # fmt: skip
def test_the_kind_of_failure(stderr: str, kind: type[SourceError]) -> None:
    error = explain(stderr, url=URL, ref="main")
    assert type(error) is kind
    assert str(error).startswith("https://git.example/fleet.git at main: ")


def test_git_is_quoted_in_what_says_why_and_no_more() -> None:
    stderr = "Cloning\nremote: no such project\nfatal: it failed\nfatal: Could not read from remote"
    assert str(explain(stderr, url=URL, ref=None)).endswith(
        "[git: remote: no such project; fatal: it failed]"
    )
    assert len(str(explain("fatal: " + "x" * 9999, url=URL, ref=None))) < QUOTED_MAX + 200


def test_neither_credentials_nor_escapes_of_a_server_are_quoted() -> None:
    stderr = "remote: \x1b]0;owned\x07 hi cAnArY at https://u:cAnArY2@x/\nfatal: cAnArY"
    text = str(explain(stderr, url=URL, ref=None))
    assert "cAnArY" not in text
    assert "\x1b" not in text
    assert "\x07" not in text


def test_megabytes_of_words_are_cut_before_they_are_looked_at() -> None:
    error = explain("remote: " + "a://" * 2**20 + "\nfatal: gone", url=URL, ref=None)
    assert "fatal: gone" in str(error)
