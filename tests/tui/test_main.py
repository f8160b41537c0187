import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fleet.api.errors import NotAuthorised
from tests.fakes import fleets
from tests.fakes.api_server import ApiServer
from tests.tui.running import running
from tui import handover, web
from tui.config import Config, ConfigError, Server
from tui.main import client_of, main, parser
from tui.messages import OpenText


def test_the_web_page_is_read_only_unless_asked() -> None:
    plain = web.command(parser().parse_args(["--web", "--server", "unix:/a b"]))
    write = web.command(parser().parse_args(["--web", "--write", "--theme", "flotilla-light"]))

    assert plain.endswith("-m tui.main --server 'unix:/a b' --read-only")
    assert write.endswith("-m tui.main --theme flotilla-light")
    assert web.HOST == "127.0.0.1"


@pytest.mark.parametrize(
    "options", [["--server", "nonsense"], ["--token-file", "/nowhere/token"], ["--server", "unix:"]]
)
def test_wrong_options_end_with_two(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(options) == 2
    assert "flotilla tui: " in capsys.readouterr().err


def test_k9s_is_preferred_and_a_shell_for_kubectl_is_next() -> None:
    def command(*found: str, **environ: str) -> list[str] | None:
        return handover.k9s_command(
            "prod", environ, which=lambda name: name if name in found else None
        )

    assert command("k9s", "kubectl") == ["k9s", "--context", "prod"]
    assert command("kubectl", SHELL="/bin/zsh") == ["/bin/zsh"]
    assert command("kubectl") == ["/bin/sh"]
    assert command() is None


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("context", ["b", "it's", 'q"uote: {x}'])
def test_kubectl_in_that_shell_means_the_cluster(tmp_path: Path, context: str) -> None:
    usual = tmp_path / "config"
    contexts = [{"name": name, "context": {"cluster": "x"}} for name in ("a", context)]
    content = {"apiVersion": "v1", "kind": "Config", "current-context": "a", "contexts": contexts}
    usual.write_text(json.dumps(content))
    environ = {"KUBECONFIG": str(usual), "PATH": os.environ["PATH"]}
    environ["KUBECONFIG"] = handover.kubeconfig_for(context, tmp_path / "first.json", environ)
    done = subprocess.run(
        ["kubectl", "config", "current-context"], env=environ, capture_output=True, text=True
    )

    assert done.stdout.strip() == context
    assert json.loads(usual.read_text())["current-context"] == "a"


@pytest.mark.parametrize(
    ("environ", "editor", "command"),
    [
        ({}, False, ["less", "-R"]),
        ({"PAGER": "most -s"}, False, ["most", "-s"]),
        ({"PAGER": "most", "FLOTILLA_PAGER": "bat"}, False, ["bat"]),
        ({"EDITOR": "nano"}, True, ["nano"]),
        ({"EDITOR": "nano", "VISUAL": "code -w"}, True, ["code", "-w"]),
        ({}, True, ["vi"]),
    ],
)
def test_the_pager_and_the_editor_are_the_persons(
    environ: dict[str, str], editor: bool, command: list[str]
) -> None:
    assert handover.viewer_command(environ, editor=editor) == command


async def test_another_server_of_the_settings_is_gone_to() -> None:
    servers = {"eu": Server(address="unix:/run/eu.sock"), "us": Server(address="http://us:1")}
    async with running(config=Config(servers=servers)) as run:
        for typed, said in (
            ("ctx", "there are: eu (unix:/run/eu.sock), us (http://us:1)"),
            ("ctx asia", "No server 'asia'; there are: eu (unix:/run/eu.sock), us (http://us:1)"),
        ):
            await run.press("colon")
            await run.type(typed)
            await run.press("enter")
            assert run.notices[-1] == said
        await run.press("colon")
        await run.type("ctx us")
        await run.press("enter")
        await run.until(lambda: not run.app.is_running)

        assert run.app.next_server == "us"
        assert run.app.return_code == 0


def test_each_server_is_given_its_own_token_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOTILLA_TOKEN", "of the first server")
    (tmp_path / "token").write_text("of eu\n")
    with ApiServer(fleets.fleet(1)) as eu:
        eu.token = "of eu"
        client_of(Server(address=eu.address, token_file=str(tmp_path / "token"))).snapshot()
        with pytest.raises(NotAuthorised):
            client_of(Server(address=eu.address)).snapshot()
    with pytest.raises(ConfigError, match="cannot be read"):
        client_of(Server(address=eu.address, token_file=str(tmp_path / "none")))


async def test_a_headless_app_cannot_lend_its_terminal_and_says_so(tmp_path: Path) -> None:
    with ApiServer(fleets.fleet(1)):
        async with running() as run:
            run.app.post_message(OpenText("a/b.yaml", "a: 1\n"))
            await run.until(lambda: run.notices)

            assert run.notices == ["Not possible in this terminal."]
