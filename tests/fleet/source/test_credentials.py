"""Credentials from a file or the environment: for whom they are, and that no message has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.control.git_access import AccessFileMissing, git_settings, logins_of
from fleet.control.settings import ServerSettings
from fleet.source.credentials import (
    CredentialsUnreadable,
    logged_in,
    read_logins,
    token_login,
)
from fleet.source.git_command import GitSettings, ssh_command
from fleet.source.urls import parse_url
from tests.fakes.fleet import fleet_world
from tests.fakes.git_http import serve

CANARY = "t0k3n-cAnArY"
FILE = f"""\
# of the platform team
https://bot:{CANARY}@git.example.com/acme/apps

https://other:an%2Fother@git.example.com
https://third:x@git.example.com:8443/
"""


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("https://git.example.com/acme/apps", "bot", CANARY),
        ("https://git.example.com/acme/apps.git", "bot", CANARY),
        ("https://GIT.example.com/acme/apps/web", "bot", CANARY),
        ("https://git.example.com/acme/apps2", "other", "an/other"),
        ("https://git.example.com/fleet", "other", "an/other"),
        ("https://git.example.com:8443/fleet", "third", "x"),
        ("https://own:word@git.example.com/acme/apps", "own", "word"),
        ("https://git.example.com.evil.org/acme/apps", None, None),
        ("https://example.com/acme/apps", None, None),
        ("git@git.example.com:acme/apps", None, None),
        ("/srv/git.example.com/acme/apps", None, None),
    ],
)
def test_the_first_login_that_fits(url: str, user: str | None, password: str | None) -> None:
    found = logged_in(parse_url(url), read_logins(FILE, file="logins")).credentials
    assert (found and found.username, found and found.password) == (user, password)


@pytest.mark.parametrize(
    "line",
    [
        CANARY,
        f"https://{CANARY}@git.example.com",
        f"https://bot:{CANARY}@",
        f"ssh://bot:{CANARY}@git.example.com/x",
        f"http://bot:{CANARY}@git.example.com",
        f"https://bot:{CANARY}/x@git.example.com",
    ],
)
def test_a_line_that_is_none_is_named_and_not_quoted(line: str) -> None:
    with pytest.raises(CredentialsUnreadable, match=r"^logins:2: no credentials; ") as refused:
        read_logins(f"# first\n{line}\n", file="logins")
    assert "cAnArY" not in str(refused.value)


@pytest.mark.parametrize(
    ("token", "user"), [(CANARY, "x-access-token"), (f"bot:{CANARY}\n", "bot")]
)
def test_one_token_is_for_the_server_of_the_fleet(token: str, user: str) -> None:
    url = parse_url("https://git.example.com/fleet.git")
    login = token_login(url, token)
    assert (login.credentials.username, login.credentials.password) == (user, CANARY)
    assert login.fits(parse_url("https://git.example.com/acme/apps"))
    assert not login.fits(parse_url("https://elsewhere.example.com/fleet.git"))
    assert "cAnArY" not in repr(login)


@pytest.mark.parametrize(
    ("url", "token"), [("git@git.example.com:fleet", CANARY), ("https://a.example/x", " ")]
)
def test_a_token_of_no_use(url: str, token: str) -> None:
    with pytest.raises(CredentialsUnreadable) as refused:
        token_login(parse_url(url), token)
    assert "cAnArY" not in str(refused.value)


def test_the_settings_show_no_token() -> None:
    assert "cAnArY" not in repr(ServerSettings(repo="x", repo_token=CANARY))


@pytest.mark.parametrize("name", ["known_hosts", "ssh_key", "git_ca_file", "git_credentials"])
def test_a_file_that_is_not_there_is_named_with_its_option(name: str, tmp_path: Path) -> None:
    settings = ServerSettings(repo="x", **{name: tmp_path / "gone"})  # type: ignore[arg-type]
    option = "--" + name.replace("_", "-")
    url = parse_url("https://git.example.com/fleet")
    with pytest.raises(AccessFileMissing, match=f"{option}: cannot read .*gone: No such file"):
        _ = git_settings(settings), logins_of(settings, url)


@pytest.mark.parametrize("path", ['/a"b', "/a\nb", "-oProxyCommand=id", "relative"])
def test_no_path_is_an_option_of_ssh(path: str) -> None:
    for settings in (GitSettings(ssh_key=Path(path)), GitSettings(known_hosts=Path(path))):
        with pytest.raises(ValueError, match="ssh needs a whole path"):
            ssh_command(settings)


async def test_a_server_logs_in_with_its_token_and_shows_it_nowhere() -> None:
    async with fleet_world(started=False) as world, serve(world.tree.path.parent) as git:
        git.login = ("x-access-token", CANARY)
        address = f"{git.url}/repo/.git"
        await world.start(repo=address, repo_token=CANARY)
        await world.converged()
        assert CANARY not in repr(world.view)
        git.login = ("x-access-token", "another")
        world.tree.commit({"README.md": "x"})
        world.look()
        await world.until(lambda: world.view.git.error)
        assert "does not accept the credentials" in world.view.git.error
        assert CANARY not in repr(world.view)
        await world.stop()
        kept = [path for path in world.settings.state_dir.rglob("*") if path.is_file()]
        assert all(CANARY.encode() not in path.read_bytes() for path in kept)
