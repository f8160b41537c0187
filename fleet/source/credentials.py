"""Who logs in to which Git server over https: from a file in Git's own format, or one token.

Pure.  Credentials reach Git through the environment only (`fleet.source.git_command`); messages of
this module never quote them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from fleet.source.errors import UnsafeUrl
from fleet.source.urls import Credentials, RepositoryUrl, Transport, parse_url

USER_OF_TOKENS = "x-access-token"
"""Sent with a bare token: the large hosts take any name, or this one."""


class CredentialsUnreadable(ValueError):
    """A credentials file has a line that is none; the message says which, without its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Credentials for one server, or for what begins with a path there."""

    server: str
    """Scheme, host and port, like `https://git.example.com`."""
    path: str
    """Empty: every repository of the server."""
    credentials: Credentials

    def fits(self, url: RepositoryUrl) -> bool:
        """Whether it is meant for this repository."""
        if self.server != _server(url):
            return False
        own, wanted = self.path.rstrip("/"), urlsplit(url.text).path
        return not own or wanted == own or wanted.startswith((f"{own}/", f"{own}.git"))


def read_logins(text: str, *, file: str) -> tuple[Login, ...]:
    """Read lines of `https://USER:TOKEN@HOST[/PATH]`, as `git credential-store` keeps them.

    Raises:
        CredentialsUnreadable: a line is no such URL.
    """
    logins = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            logins.append(_login(line.strip()))
        except ValueError:
            raise CredentialsUnreadable(
                f"{file}:{number}: no credentials; a line is https://USER:TOKEN@HOST or "
                "https://USER:TOKEN@HOST/PATH, with @ : / % of the token written as %40 %3A %2F %25"
            ) from None
    return tuple(logins)


def token_login(url: RepositoryUrl, token: str) -> Login:
    """Let `TOKEN` or `USER:TOKEN` be for the server of `url`.

    Raises:
        CredentialsUnreadable: the token is empty, or `url` is not https.
    """
    user, _, secret = token.strip().rpartition(":")
    if not secret or not secret.isprintable():
        raise CredentialsUnreadable("the token for the repository is empty, or no plain text")
    if url.transport not in (Transport.HTTPS, Transport.HTTP):
        raise CredentialsUnreadable(f"a token is of no use for {url}: only https takes one")
    login = Credentials(username=user or USER_OF_TOKENS, password=secret)
    return Login(server=_server(url), path="", credentials=login)


def logged_in(url: RepositoryUrl, logins: Iterable[Login]) -> RepositoryUrl:
    """Give a URL the first login that fits; one that has its own keeps it."""
    if url.credentials is not None:
        return url
    found = next((login.credentials for login in logins if login.fits(url)), None)
    return replace(url, credentials=found) if found else url


def _login(line: str) -> Login:
    parts = urlsplit(line)
    try:
        url = parse_url(line if parts.path.strip("/") else f"{line.rstrip('/')}/any")
    except UnsafeUrl as error:
        raise ValueError from error
    if url.credentials is None or not url.credentials.password:
        raise ValueError
    return Login(server=_server(url), path=parts.path.rstrip("/"), credentials=url.credentials)


def _server(url: RepositoryUrl) -> str:
    parts = urlsplit(url.text)
    return f"{parts.scheme}://{parts.netloc.lower()}"
