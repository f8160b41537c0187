"""Pull requests: what is sent to each kind of forge, and what is said when it does not work."""

from __future__ import annotations

import aiohttp
import pytest

from fleet.model import Forge, ForgeKind
from fleet.source.forge import ForgeRefused, PullRequest, open_pull_request
from tests.fakes.forge import forge

WANTED = PullRequest(title="Revert web", body="why", branch="flotilla/revert-web-1", into="main")
GITHUB = {"title": "Revert web", "body": "why", "head": "flotilla/revert-web-1", "base": "main"}
GITLAB = {
    "title": "Revert web",
    "description": "why",
    "source_branch": "flotilla/revert-web-1",
    "target_branch": "main",
}


def declared(kind: ForgeKind, url: str) -> Forge:
    return Forge(kind=kind, url=url, repository="acme/fleet", secret_ref="token")


@pytest.mark.parametrize(
    ("kind", "path", "header", "body", "answer"),
    [
        (ForgeKind.GITHUB, "/api/repos/acme/fleet/pulls", ("Authorization", "Bearer s3cret"),
         GITHUB, {"html_url": "https://f/7"}),
        (ForgeKind.GITEA, "/api/repos/acme/fleet/pulls", ("Authorization", "token s3cret"),
         GITHUB, {"html_url": "https://f/7"}),
        (ForgeKind.GITLAB, "/api/projects/acme%2Ffleet/merge_requests",
         ("PRIVATE-TOKEN", "s3cret"), GITLAB, {"web_url": "https://f/7"}),
    ],
)  # fmt: skip
async def test_each_forge_is_asked_in_its_own_words(
    kind: ForgeKind, path: str, header: tuple[str, str], body: object, answer: object
) -> None:
    async with forge() as fake, aiohttp.ClientSession() as session:
        fake.answer = answer
        found = await open_pull_request(session, declared(kind, fake.url), "s3cret", WANTED)
        assert found == "https://f/7"
        [(asked, headers, sent)] = fake.asked
        assert (asked, headers[header[0]], sent) == (path, header[1], body)


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (401, {"message": "Bad credentials"}, "answers 401: Bad credentials"),
        (422, {"message": "A pull request already exists"}, "answers 422: A pull request already"),
        (302, {}, "answers 302"),
        (500, ["?"], "answers 500"),
    ],
)
async def test_a_refusal_is_told_without_the_token(status: int, answer: object, words: str) -> None:
    async with forge() as fake, aiohttp.ClientSession() as session:
        fake.status, fake.answer = status, answer
        with pytest.raises(ForgeRefused, match=words) as caught:
            await open_pull_request(session, declared(ForgeKind.GITHUB, fake.url), "s3cret", WANTED)
        assert "s3cret" not in str(caught.value)


async def test_a_forge_that_is_not_there() -> None:
    async with aiohttp.ClientSession() as session:
        nowhere = declared(ForgeKind.GITHUB, "http://127.0.0.1:9")
        with pytest.raises(ForgeRefused, match="does not answer"):
            await open_pull_request(session, nowhere, "s3cret", WANTED)
