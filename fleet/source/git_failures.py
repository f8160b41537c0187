"""What the words of a failing Git mean for a person: stderr to one `SourceError`.

Git has no codes for its failures, only English (the locale is fixed); patterns are tried in order,
the first that matches wins.  Pure: `fleet.source.mirror` runs Git.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fleet.source.errors import (
    AuthenticationFailed,
    HostKeyUnknown,
    MirrorFailed,
    RefNotFound,
    RepositoryNotFound,
    RepositoryUnreachable,
    SourceError,
)
from fleet.source.urls import RepositoryUrl, redact

QUOTED_MAX = 300
READ_MAX = 8_000
"""Characters of a server's words that are looked at: it may send megabytes."""


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    error: type[SourceError]
    advice: str


def _rule(pattern: str, error: type[SourceError], advice: str) -> _Rule:
    return _Rule(re.compile(pattern, re.IGNORECASE), error, advice)


_RULES = (
    _rule(
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        HostKeyUnknown,
        "the ssh host key is not the one in known_hosts: either the server was set up anew or "
        "somebody stands in between; compare the key with the server's before you replace it",
    ),
    _rule(
        r"Host key verification failed|No \S+ host key is known",
        HostKeyUnknown,
        "the ssh host key is not in known_hosts; compare it with the server's own and add it "
        "(ssh-keyscan HOST), unknown keys are never accepted",
    ),
    _rule(
        r"Permission denied \(|Authentication failed|could not read (Username|Password)|"
        r"HTTP Basic: Access denied|returned error: 40[13]|Too many authentication",
        AuthenticationFailed,
        "the server does not accept the credentials; give it a token or key that may read",
    ),
    _rule(
        r"unable to update url base from redirection|redirects? (is )?disabled|"
        r"requested URL returned error: 3\d\d",
        RepositoryUnreachable,
        "the server redirects, which is not followed (credentials would go along); "
        "write the URL that it redirects to",
    ),
    _rule(
        r"detected dubious ownership",
        RepositoryNotFound,
        "the folder belongs to another user; let the server run as its owner, or change the owner",
    ),
    _rule(
        r"does not appear to be a git repository|repository '.*' (does not exist|not found)|"
        r"Repository not found|returned error: 404|No such file or directory|not a git repository",
        RepositoryNotFound,
        "there is no Git repository; check the URL, and whether it was moved or deleted",
    ),
    _rule(
        r"couldn't find remote ref|no such remote ref|not our ref|"
        r"Server does not allow request for unadvertised object|upload-pack: not our ref",
        RefNotFound,
        "the repository does not have it (any more); check the name, or that it was pushed",
    ),
    _rule(
        r"No space left on device|Read-only file system|unable to (create|write) |"
        r"cannot (create|lock|open)|insufficient permission for adding|Disk quota",
        MirrorFailed,
        "the state directory cannot be written; make room or mend its permissions",
    ),
    _rule(
        r"is corrupt|bad object|bad tree|packfile .* (cannot|does not)|unable to read|missing blob|"
        r"too short to be a packfile|bad revision|object file .* is empty|"
        r"did not send all necessary objects",
        MirrorFailed,
        "objects are damaged: delete the local copy in the state directory, it is fetched again; "
        "if that does not help, run git fsck on the server",
    ),
    _rule(
        r"server certificate|SSL certificate|certificate verif|certificate subject",
        RepositoryUnreachable,
        "the server's certificate is not trusted; give Flotilla the certificate of its authority",
    ),
    _rule(
        r"transport '.*' not allowed",
        RepositoryUnreachable,
        "it leads to another transport than its URL names, which is refused",
    ),
)
_TELLING = re.compile(
    r"^(?!fatal: Could not read from remote)(fatal|error|remote|ssh|Host|No )|Permission denied"
)
_UNREACHABLE = "no answer from a Git server; check host, network and proxy (it is tried again)"


def explain(stderr: str, *, url: RepositoryUrl, ref: str | None) -> SourceError:
    """Make the error for what Git printed: what to do, then Git's own words without secrets."""
    for rule in _RULES:
        if rule.pattern.search(stderr[-READ_MAX:]):
            error, advice = rule.error, rule.advice
            break
    else:
        error, advice = RepositoryUnreachable, _UNREACHABLE
    said = quoted(stderr, url)
    return error(f"{advice} [git: {said}]" if said else advice, url=url.text, ref=ref)


def quoted(stderr: str, url: RepositoryUrl) -> str:
    """Shorten what Git printed to what says why, without credentials or control characters."""
    secrets = url.credentials.secrets if url.credentials else ()
    for secret in secrets:
        stderr = stderr.replace(secret, "***")
    lines = [line.strip() for line in redact(stderr[-READ_MAX:]).splitlines()]
    telling = [line for line in lines if _TELLING.search(line)]
    text = "; ".join(telling or [line for line in lines if line])
    return re.sub(r"[^\x20-\x7e]", "\ufffd", text)[:QUOTED_MAX]
