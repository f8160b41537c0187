"""`flotilla cluster`: the inventory's clusters, and embedded ones to try things on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleet.cli.connection import ServerOption, TokenOption
from fleet.cli.output import EXIT_USAGE, Format, fail, say

if TYPE_CHECKING:
    from clusters.embedded.serve import EmbeddedClusters

app = typer.Typer(help="Serve, add and list clusters.", no_args_is_help=True)


@app.command()
def serve(
    clusters: Annotated[int, typer.Option("--clusters", min=1, help="How many.")] = 3,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="On loopback; 0: any free one.")
    ] = 0,
    kubeconfig: Annotated[
        Path | None, typer.Option("--kubeconfig", help="Where to write contexts to.")
    ] = None,
    ready_after: Annotated[
        str, typer.Option("--ready-after", help="How long Pods take to become ready.")
    ] = "2s",
    faults: Annotated[
        str, typer.Option("--faults", help="JSON, or NAME=VALUE,…: latency_s=0.1,error_rate=0.05.")
    ] = "",
) -> None:
    """Serve embedded clusters: Kubernetes APIs without nodes, for demos, tests and CI.

    Examples:
        flotilla cluster serve --clusters 24 --port 8001 --kubeconfig kubeconfig
        kubectl --kubeconfig kubeconfig --context cluster-001 get namespaces

    Images are not pulled: the tag :fail cannot be, :crash exits at once, every other runs.
    """
    import asyncio

    from clusters.embedded.options import read_duration, read_faults
    from clusters.embedded.serve import cluster_names
    from clusters.embedded.serve import serve as serve_embedded

    def announce(serving: EmbeddedClusters) -> None:
        names = serving.names
        say(f"serving {names[0]} to {names[-1]} at {serving.secure_url_of(names[0])}")
        say(f"contexts: {kubeconfig}" if kubeconfig else "no contexts written: see --kubeconfig")
        say("until Ctrl-C")

    try:
        asyncio.run(
            serve_embedded(
                cluster_names(clusters),
                port=port,
                kubeconfig=kubeconfig,
                ready_after_s=read_duration(ready_after),
                faults=read_faults(faults),
                announce=announce,
            )
        )
    except ValueError as error:
        fail(str(error), EXIT_USAGE)
    except OSError as error:
        fail(f"cannot serve on port {port}: {error.strerror or error}")


@app.command()
def add(
    context: Annotated[str, typer.Option("--context", help="Context of the server's kubeconfig.")],
    name: Annotated[str, typer.Option("--name", help="Default: the context's name.")] = "",
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", help="KEY=VALUE; may be repeated.")
    ] = None,
    repo: Annotated[Path, typer.Option("--repo", help="Work tree to write it into.")] = Path(),
    kubeconfig: Annotated[
        Path | None, typer.Option("--kubeconfig", help="Where to look the context up.")
    ] = None,
) -> None:
    """Write the document that adds a cluster to the inventory; commit it to make it so.

    Examples:
        flotilla cluster add --context prod-eu-1 --label env=prod --label region=eu-west
    """
    from fleet.model.problems import InvalidFleet
    from fleet.source.validation import check_work_tree
    from fleet.starter import cluster_document

    chosen = name or context.replace("/", "-").replace(":", "-").replace("@", "-").lower()
    labels = dict(pair.partition("=")[::2] for pair in label or ())
    if "/" in chosen or chosen.startswith("."):
        fail(f"{chosen!r} is no name of a cluster; give it one with --name", EXIT_USAGE)
    target = repo / "clusters" / f"{chosen}.yaml"
    if target.exists():
        fail(f"{target} exists already", EXIT_USAGE)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(cluster_document(chosen, context=context, labels=labels))
    try:
        check_work_tree(repo)
    except InvalidFleet as error:
        ours = [p for p in error.problems if p.file == f"clusters/{chosen}.yaml"]
        if ours:
            target.unlink()
            fail("; ".join(map(str, ours)), EXIT_USAGE)
    if words := _unknown_context(context, kubeconfig):
        say(f"warning: {words}")
    say(f"wrote {target}; commit it, and the server takes it in")


def _unknown_context(context: str, kubeconfig: Path | None) -> str:
    """What is wrong with a context, as far as this machine knows; the server may have its own."""
    from clusters.client.kubeconfig import context_names
    from clusters.errors import CredentialsError
    from fleet.control.settings import default_kubeconfig

    path = kubeconfig or default_kubeconfig()
    if not path.exists():
        return f"there is no {path} here to look the context up in"
    try:
        known = context_names(path)
    except CredentialsError as error:
        return str(error)
    if context in known:
        return ""
    there = ", ".join(known[:8]) or "none at all"
    return f"{path} has no context {context!r} (it has: {there}); the server needs one"


@app.command("list")
def list_clusters(
    output: Annotated[Format, typer.Option("--output", "-o")] = Format.TABLE,
    selector: Annotated[str, typer.Option("--selector", "-l")] = "",
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """List the clusters of the inventory (the same as `flotilla get clusters`).

    Examples:
        flotilla cluster list -l env=prod
    """
    from fleet.cli.get import Kind, get

    get(Kind.CLUSTERS, output=output, selector=selector, server=server, token_file=token_file)
