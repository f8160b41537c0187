"""To whom the token of a forge is sent: what Git names is not enough."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from fleet.model import Forge, ForgeKind, Inventory
from fleet.source.proposing import Proposer, _Impossible
from fleet.source.urls import parse_url

GITHUB = "https://github.com/acme/fleet.git"
MEANT, AWAY = "is not meant for", "could be read on the way"


@pytest.mark.parametrize(
    ("repository", "secret", "url", "refusal"),
    [
        (GITHUB, "t0ken\n", "https://api.github.com", ""),
        (GITHUB, "t0ken", "https://GitHub.com/api", ""),
        ("git@github.com:acme/fleet.git", "t0ken", "https://api.github.com", ""),
        ("ssh://git@github.com/acme/fleet", "t0ken", "https://api.github.com", ""),
        (GITHUB, "t0ken", "https://evil.example", MEANT),
        (GITHUB, "t0ken", "https://notgithub.com", MEANT),
        (GITHUB, "t0ken", "https://github.com.evil.example", MEANT),
        (GITHUB, "t0ken", "http://api.github.com", AWAY),
        (GITHUB, "git.example.com t0ken", "https://git.example.com/api/v4", ""),
        (GITHUB, "git.example.com t0ken", "https://evil.example", MEANT),
        ("/srv/git/fleet", "t0ken", "https://evil.example", MEANT),
        ("/srv/git/fleet", "", "https://api.github.com", "no line TOKEN"),
        (GITHUB, "apiVersion: v1\nkind: Config\n", "https://api.github.com", "no line TOKEN"),
    ],
)
async def test_a_token_is_sent_to_whom_it_is_meant_for(
    repository: str, secret: str, url: str, refusal: str, tmp_path: Path
) -> None:
    (tmp_path / "it").write_text(secret)
    async with aiohttp.ClientSession() as session:
        proposer = Proposer(
            repository=lambda _: None,
            inventory=Inventory,
            good=lambda *_: "",
            fleet=parse_url(repository),
            session=session,
            secrets_dir=tmp_path,
        )
        forge = Forge(kind=ForgeKind.GITHUB, url=url, repository="acme/fleet", secret_ref="it")
        if not refusal:
            assert proposer._token(forge) == "t0ken"
            return
        with pytest.raises(_Impossible, match=refusal) as caught:
            proposer._token(forge)
        assert "t0ken" not in str(caught.value)
