"""`flotilla doctor` on a machine where something is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from clusters.embedded.serve import EmbeddedClusters
from clusters.engine.rights import ALWAYS, FOR_ANY_BUNDLE, Right
from fleet.cli import examining
from fleet.cli.doctor import Mark, doctor
from fleet.cli.examining import examine


def test_a_server_that_does_not_run_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="1"):
        doctor(kubeconfig=tmp_path / "none", server=f"unix:{tmp_path}/none.sock", token_file=None)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("✖ server")
    assert "Start one with `flotilla server`" in last
    assert "�" not in last


def said(kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    nowhere = f"unix:{kubeconfig.parent}/none.sock"
    with pytest.raises(SystemExit, match="1"):
        doctor(kubeconfig=kubeconfig, server=nowhere, token_file=None)
    return capsys.readouterr().out.splitlines()


def test_a_kubeconfig_that_was_named_and_is_not_there_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"✖ kubeconfig   {tmp_path}/none does not exist" in said(tmp_path / "none", capsys)


async def test_every_context_is_asked_what_may_be_done_there(tmp_path: Path) -> None:
    async with EmbeddedClusters(["a"]) as clusters:
        config = yaml.safe_load(clusters.kubeconfig)
        for name, server in (("gone", "https://127.0.0.1:1"), ("plain", "ftp://a")):
            config["clusters"].append({"name": name, "cluster": {"server": server}})
            context = {"cluster": name, "user": "flotilla"}
            config["contexts"].append({"name": name, "context": context})
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(config))
        found = await examine(path)
    assert [(finding.mark, finding.subject) for finding in found] == [
        (Mark.GOOD, "context a"),
        (Mark.BAD, "context gone"),
        (Mark.NOTE, "context plain"),
    ]
    assert found[1].words == "cannot connect to 127.0.0.1:1: Connection refused"


async def test_what_may_not_be_done_and_a_wrong_clock_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def some_missing(_: object, rights: Sequence[Right]) -> list[Right]:
        return list(rights[:1]) if rights is lacking else []

    async def ahead_s(*_: object) -> float:
        return 120.0

    monkeypatch.setattr(examining, "missing", some_missing)
    async with EmbeddedClusters(["a"]) as clusters:
        clusters.write_kubeconfig(tmp_path / "kubeconfig")
        lacking: Sequence[Right] = ALWAYS
        (finding,) = await examine(tmp_path / "kubeconfig")
        assert finding.mark is Mark.BAD
        assert "may not get leases.coordination.k8s.io in flotilla-system" in finding.words
        lacking = FOR_ANY_BUNDLE
        (finding,) = await examine(tmp_path / "kubeconfig")
        assert (finding.mark, finding.words[:22]) == (Mark.NOTE, "may not get everything")
        monkeypatch.setattr(examining, "clock_ahead_s", ahead_s)
        (finding,) = await examine(tmp_path / "kubeconfig")
        assert finding.words == "its clock is 120 s ahead of ours: set both by NTP"
