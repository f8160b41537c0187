"""URLs and refs: what is handed to Git, what is refused, and that credentials never show."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fleet.source.errors import UnsafeRef, UnsafeUrl
from fleet.source.urls import Transport, check_ref, parse_url, redact

CANARY = "cAnArY7"


@pytest.mark.parametrize(
    ("text", "transport", "handed_to_git"),
    [
        ("/srv/fleet.git", Transport.FILE, "/srv/fleet.git"),
        ("/srv/my fleet", Transport.FILE, "/srv/my fleet"),
        ("/srv/a:b/c@d", Transport.FILE, "/srv/a:b/c@d"),
        ("file:///srv/fleet%20a", Transport.FILE, "/srv/fleet a"),
        ("file://localhost/srv/fleet", Transport.FILE, "/srv/fleet"),
        ("https://git.example/a/b.git", Transport.HTTPS, "https://git.example/a/b.git"),
        ("https://git.example:8443/a", Transport.HTTPS, "https://git.example:8443/a"),
        ("HTTPS://git.example/a", Transport.HTTPS, "https://git.example/a"),
        ("https://user:secret@git.example/a", Transport.HTTPS, "https://git.example/a"),
        ("http://127.0.0.1:80/a", Transport.HTTP, "http://127.0.0.1:80/a"),
        ("http://[::1]:80/a", Transport.HTTP, "http://[::1]:80/a"),
        ("ssh://git@git.example:22/a/b", Transport.SSH, "ssh://git@git.example:22/a/b"),
        ("ssh://git.example/a", Transport.SSH, "ssh://git.example/a"),
        ("git@git.example:a/b.git", Transport.SSH, "git@git.example:a/b.git"),
        ("git.example:a/b.git", Transport.SSH, "git.example:a/b.git"),
    ],
)
def test_reads_the_urls_that_git_reads(text: str, transport: Transport, handed_to_git: str) -> None:
    url = parse_url(text)
    assert (url.transport, url.text) == (transport, handed_to_git)


def test_a_relative_path_is_relative_to_the_working_directory(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        assert parse_url("fleet").text == str(tmp_path / "fleet")


def test_takes_the_credentials_out_of_the_url() -> None:
    url = parse_url("https://me%40corp:p%2Fw@git.example/a")
    assert url.credentials is not None
    assert (url.credentials.username, url.credentials.password) == ("me@corp", "p/w")
    assert "p/w" not in repr(url)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "--upload-pack=touch /tmp/x",
        "-oProxyCommand=touch",
        "ext::sh -c touch% /tmp/x",
        "fd::17/foo",
        "EXT::sh",
        "transport+helper::x",
        "ssh://-oProxyCommand=touch/x",
        "ssh://git@-oProxyCommand=touch/x",
        "ssh://-l@host/x",
        "-oProxyCommand=x:path",
        "git@-oProxyCommand=x:path",
        "git@host:-path",
        "git@host:path\n--upload-pack=x",
        "https://host/a\x00b",
        "https://host/a b",
        "https:///no-host",
        "https://host",
        "https://host:port/x",
        "https://host/x?token=abc",
        "https://host/x#frag",
        "http://git.example/x",
        "http://169.254.169.254/latest",
        "https://169.254.169.254/latest/x",
        "https://[fe80::1]/x",
        "git://host/x",
        "ftp://host/x",
        "file://host/share",
        "ssh://git:pw@host/x",
        "user:pw@host:path",
        "us[er:pw@host:path",
        "a/b:pw@host:path",
        "https://me:/pass@host/x",
        "https://me:pa/ss@host/x",
        "https://[broken/x",
        "/srv/fleet\u202egit",
    ],
)
def test_cve_2023_40267_refuses_what_git_could_take_for_something_else(text: str) -> None:
    with pytest.raises(UnsafeUrl) as refused:
        parse_url(text)
    assert "allowed: " in str(refused.value)
    assert "\x00" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["/etc", "file:///etc", "../other", "fleet"])
def test_documents_in_git_name_no_local_files(text: str) -> None:
    with pytest.raises(UnsafeUrl, match="server's machine"):
        parse_url(text, allow_local=False)


@pytest.mark.parametrize(
    "ref", ["main", "v1.2.3", "refs/heads/main", "feature/a-b", "a" * 40, "ünï", "a@b"]
)
def test_takes_the_refs_that_git_takes(ref: str) -> None:
    assert check_ref(ref, url="u") == ref


@pytest.mark.parametrize(
    "ref",
    ["", "-f", "--upload-pack=x", "a b", "a\nb", "a..b", "a~1", "a^", "a:b", "a*", "@", "a@{1}",
     "/a", "a/", "a//b", ".a", "a.lock", "a.", "a\\b", "x" * 256, "a\x7f"],
)  # fmt: skip
def test_refuses_refs_that_are_none(ref: str) -> None:
    with pytest.raises(UnsafeRef):
        check_ref(ref, url="u")


def _secrets() -> st.SearchStrategy[str]:
    around = st.text(max_size=6)
    return st.builds(lambda before, after: f"{before}{CANARY}{after}", around, around)


@given(
    scheme=st.sampled_from(["https", "http", "ssh", "ext", "git", "HTTPS", "file", ""]),
    user=st.one_of(st.just("git"), _secrets()),
    password=_secrets(),
    path=st.sampled_from(["/a/b.git", "/a b", "", "/x?y=z", "/a#b"]),
)
def test_cve_2024_31216_no_message_ever_holds_a_password(
    scheme: str, user: str, password: str, path: str
) -> None:
    text = (
        f"{scheme}://{user}:{password}@host.example{path}"
        if scheme
        else (f"{user}:{password}@host.example:{path}")
    )
    # What is plainly a path has no user and no password.
    assume(scheme not in ("", "file") or not user.startswith(("/", ".")))
    shown: list[str] = []
    try:
        url = parse_url(text)
    except UnsafeUrl as refused:
        shown += [str(refused), repr(refused), refused.url]
    else:
        shown += [str(url), repr(url)]
    assert all(CANARY not in one for one in shown)


@given(user=_secrets(), password=_secrets())
def test_what_git_prints_is_redacted(user: str, password: str) -> None:
    url = f"https://{user}:{password}@host/a"
    assume(not any(char.isspace() for char in url))
    assert CANARY not in redact(f"fatal: unable to access '{url}': no route")


@given(password=_secrets())
def test_known_secrets_are_redacted_wherever_they_stand(password: str) -> None:
    assert CANARY not in redact(f"remote: hello {password}!", secrets=[password])


def test_redaction_keeps_what_is_no_secret() -> None:
    text = "ssh://git@host/a git@host:b https://host/a: not found"
    assert redact(text) == text
    assert redact("https://host/a?token=abc x") == "https://host/a?*** x"
    assert redact("ssh://git:pw@host/a") == "ssh://git@host/a"
