"""`flotilla doctor` on a machine where something is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.cli.doctor import doctor


def test_a_server_that_does_not_run_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="1"):
        doctor(kubeconfig=tmp_path / "none", server=f"unix:{tmp_path}/none.sock", token_file=None)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("✖ server")
    assert "Start one with `flotilla server`" in last
    assert "�" not in last
