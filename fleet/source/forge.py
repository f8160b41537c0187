"""Opens pull requests on GitHub, GitLab and Gitea: one request to their API.

Tokens travel in a header, over the URL that the Fleet document names and nowhere else (redirects
are not followed), and never into a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp

from fleet.model import Forge, ForgeKind
from fleet.source.answers import read_json

TIMEOUT_S = 30.0


class ForgeRefused(Exception):
    """The forge did not open it; the message says why, without secrets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """What is proposed."""

    title: str
    body: str
    branch: str
    into: str


async def open_pull_request(
    session: aiohttp.ClientSession, forge: Forge, token: str, wanted: PullRequest
) -> str:
    """Open it, and return its address for people.

    Raises:
        ForgeRefused: the forge says no, or does not answer.
    """
    url, headers, body = _request(forge, token, wanted)
    try:
        async with session.post(
            url,
            json=body,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        ) as response:
            status = response.status
            answer = await read_json(response)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise ForgeRefused(f"{forge.url} does not answer ({type(error).__name__})") from error
    if status in (200, 201) and isinstance(answer, dict):
        return str(answer.get("html_url") or answer.get("web_url") or "")
    raise ForgeRefused(f"{forge.url} answers {status}{_words(answer)}")


def _request(
    forge: Forge, token: str, wanted: PullRequest
) -> tuple[str, dict[str, str], dict[str, str]]:
    root = forge.url.rstrip("/")
    if forge.kind is ForgeKind.GITLAB:
        project = quote(forge.repository, safe="")
        return (
            f"{root}/projects/{project}/merge_requests",
            {"PRIVATE-TOKEN": token},
            {
                "title": wanted.title,
                "description": wanted.body,
                "source_branch": wanted.branch,
                "target_branch": wanted.into,
            },
        )
    scheme = "token" if forge.kind is ForgeKind.GITEA else "Bearer"
    body = {"title": wanted.title, "body": wanted.body, "head": wanted.branch, "base": wanted.into}
    return f"{root}/repos/{forge.repository}/pulls", {"Authorization": f"{scheme} {token}"}, body


def _words(answer: Any) -> str:
    message = answer.get("message") if isinstance(answer, dict) else None
    return f": {str(message)[:200]}" if message else ""
