"""Which repository URLs and refs are handed to Git, and how they are shown.

Everything Git could take for an option, a command or a transport helper is refused here
(CVE-2022-24439, CVE-2023-40267, CVE-2025-21613).  Credentials are taken out of the URL: they reach
Git through the environment (`fleet.source.git_command`), and never a message.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from fleet.source.errors import UnsafeRef, UnsafeUrl

ALLOWED = "a local path, file:///path, https://host/path, ssh://user@host/path or user@host:path"


class Transport(StrEnum):
    """How Git reaches a repository; the values are Git's own protocol names."""

    FILE = "file"
    HTTPS = "https"
    HTTP = "http"
    SSH = "ssh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a server of https:// is told.  Neither is ever shown: tokens come as either."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every spelling that must not appear in a message.

        Words of three letters are left out: nothing would be readable any more, and they protect
        nothing.
        """
        words = [word for word in (self.password, self.username) if len(word) > 3]
        return tuple({form for word in words for form in (word, quote(word, safe=""))})


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryUrl:
    """A URL that is safe to hand to Git.  `text` holds no credentials and may be shown."""

    text: str
    transport: Transport
    credentials: Credentials | None = None

    def __str__(self) -> str:
        return self.text


_CONTROL = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://")
_SCP = re.compile(r"(?:(?P<user>[^@:/]+)@)?(?P<host>\[[^\]/]+\]|[^:/\[\]]+):(?P<path>.+)")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


def parse_url(text: str, *, allow_local: bool = True) -> RepositoryUrl:
    """Read a repository URL.

    `allow_local` is for the person who starts the server; a URL that is itself written in Git must
    not name files of the server's machine.

    Raises:
        UnsafeUrl: what is wrong, and what is allowed; without the credentials.
    """
    scheme = _SCHEME.match(text)
    if scheme and scheme["scheme"].lower() in ("https", "http"):
        return _http(text)
    if not text or _CONTROL.search(text.replace(" ", "")):
        raise _unsafe(text, "it is empty or has control characters")
    if text.startswith("-"):
        raise _unsafe(text, "a URL must not start with '-': Git would read it as an option")
    if _HELPER.match(text):
        raise _unsafe(text, "transport helpers (ext::, fd:: and the like) run commands")
    if scheme is None and (scp := _scp(text)):
        return scp
    if scheme is None and ":" in text and not text.startswith(("/", "./", "../")):
        # Neither user@host:path nor surely a path, and what is before an @ may be a password.
        raise _unsafe(text, "it is no URL of a repository (a path with ':' starts with / or ./)")
    if scheme is None:
        return _local(text, Path(text), allow_local)
    match scheme["scheme"].lower():
        case "file":
            return _file(text, allow_local)
        case "ssh":
            return _ssh(text)
        case other:
            raise _unsafe(text, f"{other}:// is not supported")


def host_of(url: RepositoryUrl) -> str:
    """The server of a repository, in lower case; empty for one on this machine."""
    if url.transport is Transport.FILE:
        return ""
    if _SCHEME.match(url.text):
        return urlsplit(url.text).hostname or ""
    short = _SCP.fullmatch(url.text)
    return short["host"].strip("[]").lower() if short else ""


def check_ref(ref: str, *, url: str) -> str:
    """Return `ref` if it can only be a branch, a tag or a commit (`git check-ref-format`).

    Raises:
        UnsafeRef: it cannot.
    """
    forbidden = re.search(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//", ref)
    parts = ref.split("/")
    if (
        not ref
        or len(ref) > 255
        or forbidden
        or ref.startswith("-")
        or ref == "@"
        or any(not part or part[0] == "." or part.endswith((".lock", ".")) for part in parts)
    ):
        raise UnsafeRef(
            f"{ref[:80]!r} is no name of a branch, tag or commit; "
            "write a name as `git branch` shows it, or all 40 digits of a commit",
            url=url,
        )
    return ref


def redact(text: str, *, secrets: Iterable[str] = ()) -> str:
    """Take every credential out of a text that quotes URLs.

    Over-redacts on purpose: after `scheme://`, all up to the last `@` before a blank is hidden
    (for ssh only the password: its user name is no secret), and all of a query.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = re.sub(r"(?i)(\bssh://[^\s:@/]*)(?::\S*)?@", r"\1@", text)
    text = re.sub(r"(?i)\b((?!ssh://)[a-z][a-z0-9+.-]{0,30}://)\S*@", r"\1***@", text)
    return re.sub(r"(?i)(\b[a-z][a-z0-9+.-]{0,30}://[^\s?]*\?)\S+", r"\1***", text)


def _http(text: str) -> RepositoryUrl:
    try:
        parts = urlsplit(text)
        host, _port = parts.hostname or "", parts.port
        username, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        raise _unsafe(text, "it is no URL of a repository") from None
    if _CONTROL.search(text) or "\\" in text:
        raise _unsafe(text, "it has blanks or control characters")
    if parts.query or parts.fragment:
        raise _unsafe(text, "a repository URL has neither '?' nor '#'")
    _check_host(text, host)
    _check_path(text, parts.path)
    transport = Transport(parts.scheme.lower())
    if transport is Transport.HTTP and not is_loopback(host):
        raise _unsafe(text, "http:// can be read and changed on its way; write https://")
    place = parts.netloc.rpartition("@")[2]
    return RepositoryUrl(
        text=f"{transport}://{place}{parts.path}",
        transport=transport,
        credentials=(
            Credentials(username=username, password=password) if username or password else None
        ),
    )


def _ssh(text: str) -> RepositoryUrl:
    if " " in text:
        raise _unsafe(text, "it has blanks")
    try:
        parts = urlsplit(text)
        host, port, user = parts.hostname or "", parts.port, parts.username
    except ValueError:
        raise _unsafe(text, "it is no URL of a repository") from None
    if parts.password is not None:
        raise _unsafe(text, "ssh takes a key, no password")
    if parts.query or parts.fragment:
        raise _unsafe(text, "a repository URL has neither '?' nor '#'")
    _check_host(text, host)
    _check_user(text, user)
    _check_path(text, parts.path)
    place = parts.netloc.rpartition("@")[2] if port or ":" in host else host
    at = f"{user}@" if user else ""
    return RepositoryUrl(text=f"ssh://{at}{place}{parts.path}", transport=Transport.SSH)


def _scp(text: str) -> RepositoryUrl | None:
    """Read `user@host:path`, Git's short form of ssh; a path may not have a colon before a /."""
    form = _SCP.fullmatch(text)
    if form is None:
        return None
    if " " in text or form["path"].startswith("-"):
        raise _unsafe(text, "it is no URL of a repository")
    _check_path(text, form["path"])
    _check_host(text, form["host"].strip("[]"))
    _check_user(text, form["user"])
    return RepositoryUrl(text=text, transport=Transport.SSH)


def _file(text: str, allow_local: bool) -> RepositoryUrl:
    host, slash, path = text[len("file://") :].partition("/")
    if host not in ("", "localhost") or not slash:
        raise _unsafe(text, "file:// names no host; write file:///path")
    return _local(text, Path("/" + unquote(path)), allow_local)


def _local(text: str, path: Path, allow_local: bool) -> RepositoryUrl:
    if not allow_local:
        raise _unsafe(text, "documents in Git must not name files of the server's machine")
    return RepositoryUrl(text=str(path.absolute()), transport=Transport.FILE)


def _check_host(text: str, host: str) -> None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if not _HOST.fullmatch(host):
            raise _unsafe(text, "its host is missing or no host name") from None
        return
    if address.is_link_local or address.is_unspecified or address.is_multicast:
        # 169.254.169.254 answers with the machine's own credentials (CVE-2026-44936).
        raise _unsafe(text, "link-local and multicast addresses hold no repositories")


def _check_path(text: str, path: str) -> None:
    if not path.strip("/"):
        raise _unsafe(text, "the path of the repository is missing")
    if "@" in path:
        # https://me:pa/ss@host is a path on the host `me`, and would be shown.
        raise _unsafe(text, "an '@' behind the host; write / in a password as %2F, @ as %40")


def _check_user(text: str, user: str | None) -> None:
    if user is not None and not _USER.fullmatch(user):
        raise _unsafe(text, "its user name is no plain word")


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _unsafe(text: str, reason: str) -> UnsafeUrl:
    return UnsafeUrl(f"refused: {reason}; allowed: {ALLOWED}", url=_shown(text))


def _shown(text: str) -> str:
    """A text that is no valid URL: whatever stands before an `@` may be a password."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "", text
    rest = rest.rpartition("@")[2] if separator or ":" in rest.rpartition("@")[0] else rest
    hidden = "***@" if "@" in text and rest != text else ""
    rest = re.split(r"[?#]", rest)[0]
    shown = f"{scheme}{separator}{hidden}{rest}"
    return _CONTROL.sub("\ufffd", shown[:200]) or "(empty URL)"
