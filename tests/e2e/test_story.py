"""The demo's story in a real terminal by keys alone; a real server that goes and comes back."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusters.embedded.serve import EmbeddedClusters
from fleet.api.client import ApiClient
from fleet.api.errors import ApiError
from tests.e2e.processes import short_folder, started
from tests.e2e.terminals import Terminal, shows, until
from tests.fakes.fleet import FLEET_FILE, bundle_document, cluster_document, deployment
from tests.fleet.source.gits import WorkTree

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]
CAPTURES = os.environ.get("FLOTILLA_CAPTURES")
"""A folder for what was seen on the way, for people who want to look."""


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    with short_folder() as folder:
        made = Terminal(folder)
        try:
            yield made
        finally:
            made.end()


def keep(terminal: Terminal, name: str) -> None:
    """Keep what is seen, where a folder is given."""
    if CAPTURES:
        Path(CAPTURES, f"{name}.txt").write_text(terminal.text)


def children_of(pid: int) -> set[int]:
    """Processes that a process started."""
    done = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return {int(word) for word in done.stdout.split()}


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_from_the_start_to_an_approved_rollout_by_keys_alone(terminal: Terminal) -> None:
    terminal.start("demo", "--clusters", "6", "--ready-after", "20ms", module="fleet.cli.main")
    shows(terminal, "approval")
    shows(terminal, "failure")
    shows(terminal, "drift")
    keep(terminal, "1-needs-you")
    terminal.press("8")
    shows(terminal, "sre-approval")
    keep(terminal, "2-approval")
    terminal.press("a")
    shows(terminal, "PRODUCTION")
    keep(terminal, "3-question")
    terminal.press("prod", "Tab", "looks good", "Enter")
    shows(terminal, "Nothing waits for approval")
    terminal.press("4", "Enter")
    shows(terminal, "Rollouts ▸ payments-1")
    terminal.tmux("resize-window", "-x", "80", "-y", "24")
    until(lambda: "Clusters done" not in terminal.text, "it did not follow its window")
    shows(terminal, "payments")
    keep(terminal, "4-narrow")
    terminal.tmux("resize-window", "-x", "120", "-y", "36")
    shows(terminal, "✓ prod")
    keep(terminal, "5-rolled-out")
    terminal.press("5")
    shows(terminal, "scrape_interval")
    terminal.press("s")
    shows(terminal, "Put back ConfigMap agent")
    terminal.press("Right", "Enter")
    until(lambda: "corrected" in terminal.text or "No drift" in terminal.text, "drift stays")
    keep(terminal, "6-put-back")

    children = children_of(terminal.pid())
    os.kill(terminal.pid(), signal.SIGTERM)
    shows(terminal, "LEFT")
    assert terminal.flags() == "0 0 1"
    until(lambda: all(map(is_gone, children)), "children of the demo go on")


async def test_a_real_server_goes_and_comes_back(terminal: Terminal) -> None:
    files = {
        "fleet.yaml": FLEET_FILE,
        "clusters/a.yaml": cluster_document("a"),
        "bundles/web.yaml": bundle_document("web"),
        "apps/web/web.yaml": deployment("web"),
    }
    with short_folder() as folder:
        async with EmbeddedClusters(("a",), ready_after_s=0.02) as clusters:
            clusters.write_kubeconfig(folder / "kubeconfig")
            WorkTree.make(folder / "repo", files)
            words = (
                "server", "--repo", str(folder / "repo"), "--state", str(folder / "state"),
                "--kubeconfig", str(folder / "kubeconfig"),
            )  # fmt: skip
            await asyncio.to_thread(_goes_and_comes, terminal, words, folder)


def answers(address: str) -> bool:
    """Whether the server is there."""
    try:
        ApiClient(address).snapshot()
    except ApiError:
        return False
    return True


def _goes_and_comes(terminal: Terminal, words: tuple[str, ...], folder: Path) -> None:
    address = f"unix:{folder / 'state' / 'flotilla.sock'}"
    with started(*words, log=folder / "log") as server:
        terminal.start("--server", address, "--view", "clusters")
        shows(terminal, "✓ Ready")
        server.kill()
        shows(terminal, "retry in")
        assert "✓ Ready" in terminal.text
        terminal.press("s")
        shows(terminal, "what you see is old")
        keep(terminal, "7-lost")
        server.start()
        server.wait_until(lambda: answers(address))
        terminal.press("C-r")
        shows(terminal, "● live")
        terminal.press("s")
        shows(terminal, "Sync a")
        keep(terminal, "8-back")
