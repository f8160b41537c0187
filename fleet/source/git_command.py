"""Runs Git so that neither a repository nor the machine's settings can make it do anything else.

Every process of this package starts here: no configuration but ours, no variables of a surrounding
Git (a hook that runs `flotilla validate` has plenty), no prompts, hooks, helpers, submodules or
redirects, its own process group, and only the one transport that the URL needs.
`fleet.source.mirror` says what is run; `fleet.source.worker` where.
"""

from __future__ import annotations

import base64
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import git

from fleet.source.urls import RepositoryUrl

_CONFIGURATION = {
    "protocol.allow": "never",
    "protocol.ext.allow": "never",
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.askPass": "",
    "credential.helper": "",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    # A redirect would carry the credentials to another server (CVE-2021-32690).
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1",
    "http.lowSpeedTime": "30",
    # Packs are synced to disk, loose objects are not: a power cut would leave them empty.
    "fetch.unpackLimit": "1",
    "gc.autoPackLimit": "20",
    "gc.autoDetach": "false",
    "maintenance.autoDetach": "false",
    # What a force-push left behind may still be assigned to clusters.
    "gc.pruneExpire": "never",
}

_SURROUNDING = ("GIT_", "SSH_ASKPASS")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitSettings:
    """How this server talks to Git servers."""

    known_hosts: Path | None = None
    """Host keys that ssh accepts; None: those of the user that runs the server."""
    ssh_key: Path | None = None
    """Private key; None: the user's own keys and agent."""
    ca_file: Path | None = None
    """Certificates that https accepts; None: those of the system."""
    transfer_timeout_s: float = 300.0
    listing_timeout_s: float = 30.0


DEFAULT_SETTINGS = GitSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a process of Git left."""

    status: int
    stdout: bytes
    stderr: str


class TransferTimedOut(Exception):
    """The process was killed: it took longer than allowed."""


class TransferTooLarge(Exception):
    """The process was killed: it brought more bytes than allowed."""


class CleanGit(git.Git):
    """GitPython's door to the executable: every process leads its own group, so `kill` gets all."""

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command; see `git.Git.execute`."""
        return super().execute(*args, start_new_session=True, **kwargs)


class CleanRepo(git.Repo):
    """A repository whose every command goes through `CleanGit`."""

    GitCommandWrapperType = CleanGit


def leave_surrounding_git() -> None:
    """Remove the variables of a surrounding Git (GIT_DIR, GIT_TRACE ...) from this process.

    GitPython reads some of them itself and passes the rest on, and an empty one is not the same as
    none: there is no way to keep them from it otherwise.
    """
    for name in tuple(os.environ):
        if name.startswith(_SURROUNDING):
            del os.environ[name]


def local_environment() -> dict[str, str]:
    """Make the environment of commands that stay on this machine."""
    return {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_ALLOW_PROTOCOL": "",
        **_configured(_CONFIGURATION),
    }


REMOTE = "flotilla"
"""What the server of a mirror is called; its URL and the rest of it are in no file."""


def remote_environment(
    url: RepositoryUrl, settings: GitSettings, *, leave_out: str
) -> dict[str, str]:
    """Make the environment of commands that talk to the server of `url`.

    Credentials travel here: an argument could be read by every user of the machine.

    Args:
        url: the repository.
        settings: how the server talks to Git servers.
        leave_out: filter of what the server need not send, by `git rev-list --filter`.
    """
    configuration = {
        **_CONFIGURATION,
        f"remote.{REMOTE}.url": url.text,
        # Known beforehand, Git does not note it in the mirror: commands that read the mirror must
        # not go out for what was left out, but say that it is not there.
        f"remote.{REMOTE}.promisor": "true",
        f"remote.{REMOTE}.partialCloneFilter": leave_out,
    }
    if url.credentials:
        login = f"{url.credentials.username}:{url.credentials.password}".encode()
        header = f"Authorization: Basic {base64.b64encode(login).decode()}"
        configuration[f"http.{url.text}.extraHeader"] = header
    environment = local_environment() | _configured(configuration)
    environment["GIT_ALLOW_PROTOCOL"] = url.transport.value
    environment["GIT_SSH_COMMAND"] = ssh_command(settings)
    environment["GIT_SSH_VARIANT"] = "ssh"
    if settings.ca_file:
        environment["GIT_SSL_CAINFO"] = str(settings.ca_file)
    return environment


def ssh_command(settings: GitSettings) -> str:
    """Make the command line of ssh: no questions, known hosts only, nothing of ~/.ssh/config."""
    options = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "ForwardAgent": "no",
        "ClearAllForwardings": "yes",
        "PermitLocalCommand": "no",
        "ConnectTimeout": "15",
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "3",
    }
    if settings.known_hosts:
        options["UserKnownHostsFile"] = f'"{_ssh_path(settings.known_hosts)}"'
        options["GlobalKnownHostsFile"] = os.devnull
    if settings.ssh_key:
        # Not -i, which takes the path as it is where it only warns, and expands it where it reads.
        options["IdentitiesOnly"] = "yes"
        options["IdentityFile"] = f'"{_ssh_path(settings.ssh_key)}"'
    words = ["ssh", "-F", os.devnull]
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    return shlex.join(words)


def _ssh_path(path: Path) -> str:
    """Write a path so that ssh takes it as it is: `%` begins its own names, quotes end a word.

    Raises:
        ValueError: it cannot be written so.
    """
    text = str(path)
    if not path.is_absolute() or not text.isprintable() or '"' in text:
        raise ValueError(f"ssh needs a whole path without quotes or control characters: {text!r}")
    return text.replace("%", "%%")


def open_bare(directory: Path) -> CleanRepo:
    """Open the bare repository in `directory`, for this package's commands only.

    Raises:
        git.InvalidGitRepositoryError, git.NoSuchPathError: there is none.
    """
    repository = CleanRepo(directory)
    repository.git.set_persistent_git_options(
        git_dir=str(directory), c=f"safe.directory={directory}"
    )
    repository.git.update_environment(**local_environment())
    return repository


def start(
    repository: CleanRepo, words: Sequence[str], environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start the Git command `words` on `repository`; end it with `wait`."""
    command, *arguments = words
    run = getattr(repository.git, command.replace("-", "_"))
    wrapper = run(*arguments, as_process=True, env=dict(environment or {}))
    process: subprocess.Popen[bytes] = wrapper.proc
    # The wrapper would end the process when it is collected; `wait` and `reap` do that here.
    wrapper.proc = None
    return process


def wait(
    process: subprocess.Popen[bytes],
    *,
    timeout_s: float,
    check: Callable[[], bool] = lambda: True,
    check_every_s: float = 0.2,
) -> Ended:
    """Wait until `process` ended, and kill all it started if it takes too long.

    Raises:
        TransferTimedOut: it was killed after `timeout_s`.
        TransferTooLarge: it was killed because `check` said no.
    """
    deadline = time.monotonic() + timeout_s
    try:
        while True:
            left = deadline - time.monotonic()
            try:
                out, err = process.communicate(timeout=max(0.0, min(left, check_every_s)))
                break
            except subprocess.TimeoutExpired:
                if left <= 0:
                    raise TransferTimedOut from None
                if not check():
                    raise TransferTooLarge from None
    finally:
        reap(process)
    return Ended(status=process.returncode, stdout=out, stderr=err.decode(errors="replace"))


def kill(process: subprocess.Popen[bytes]) -> None:
    """Send SIGKILL to a process and everything it started (ssh, index-pack)."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def reap(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, wait until it is gone and close its pipes."""
    kill(process)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()


def _configured(configuration: Mapping[str, str]) -> dict[str, str]:
    variables = {"GIT_CONFIG_COUNT": str(len(configuration))}
    for index, (key, value) in enumerate(configuration.items()):
        variables[f"GIT_CONFIG_KEY_{index}"] = key
        variables[f"GIT_CONFIG_VALUE_{index}"] = value
    return variables
