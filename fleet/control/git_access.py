"""How the server reaches Git servers: keys, certificates and credentials, as its settings say."""

from __future__ import annotations

from pathlib import Path

from fleet.control.settings import ServerSettings
from fleet.source.credentials import Login, read_logins, token_login
from fleet.source.git_command import GitSettings
from fleet.source.urls import RepositoryUrl


class AccessFileMissing(ValueError):
    """A file that was named cannot be read; the message says which option named it."""


def git_settings(settings: ServerSettings) -> GitSettings:
    """What ssh and https are told.

    Raises:
        AccessFileMissing: a file that was named is not there.
    """
    return GitSettings(
        known_hosts=_readable(settings.known_hosts, "--known-hosts"),
        ssh_key=_readable(settings.ssh_key, "--ssh-key"),
        ca_file=_readable(settings.git_ca_file, "--git-ca-file"),
        transfer_timeout_s=settings.git_timeout_s,
    )


def logins_of(settings: ServerSettings, url: RepositoryUrl) -> tuple[Login, ...]:
    """Who logs in where; the token of the fleet repository goes before the file.

    Raises:
        AccessFileMissing: the credentials file is not there.
        CredentialsUnreadable: a line of it, or the token, is of no use.
    """
    logins: tuple[Login, ...] = ()
    if settings.repo_token:
        logins = (token_login(url, settings.repo_token),)
    if file := _readable(settings.git_credentials, "--git-credentials"):
        logins += read_logins(file.read_text(), file=str(file))
    return logins


def _readable(path: Path | None, option: str) -> Path | None:
    """Give the whole path of a file: ssh reads a relative one, or one with ~, in its own way."""
    if path is None:
        return None
    whole = path.expanduser().absolute()
    try:
        with whole.open("rb"):
            return whole
    except OSError as error:
        words = error.strerror or str(error)
        raise AccessFileMissing(f"{option}: cannot read {whole}: {words}") from error
