"""`flotilla server`: the coordinator as a service."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleet.cli.durations import duration
from fleet.cli.output import EXIT_FAILED, EXIT_TIMEOUT, EXIT_USAGE, fail, say, show_table

if TYPE_CHECKING:
    from fleet.settings import ServerSettings

_PASSWORD = re.compile(r"(?i)https?://[^/\s]*@")


def server(
    repo: Annotated[
        str,
        typer.Option("--repo", envvar="FLOTILLA_REPO", help="The fleet repository: path or URL."),
    ],
    ref: Annotated[
        str | None, typer.Option("--ref", help="Branch, tag or commit; default branch if not set.")
    ] = None,
    path: Annotated[str, typer.Option("--path", help="Folder with the fleet's documents.")] = "",
    state: Annotated[
        Path | None, typer.Option("--state", help="Where the database and the mirror are kept.")
    ] = None,
    listen: Annotated[
        str, typer.Option("--listen", help="unix:PATH or HOST:PORT; default: a private socket.")
    ] = "",
    database: Annotated[
        str | None,
        typer.Option("--database", envvar="FLOTILLA_DATABASE", help="PostgreSQL URL; else SQLite."),
    ] = None,
    kubeconfig: Annotated[
        Path | None, typer.Option("--kubeconfig", help="Where contexts are looked up.")
    ] = None,
    secrets_dir: Annotated[
        Path | None, typer.Option("--secrets-dir", help="Kubeconfigs named by secretRef.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option("--token-file", help="NAME:TOKEN lines, for TCP.")
    ] = None,
    known_hosts: Annotated[
        Path | None,
        typer.Option(
            "--known-hosts",
            envvar="FLOTILLA_KNOWN_HOSTS",
            help="Host keys for Git over ssh; else those of your ~/.ssh/known_hosts.",
        ),
    ] = None,
    ssh_key: Annotated[
        Path | None,
        typer.Option(
            "--ssh-key",
            envvar="FLOTILLA_SSH_KEY",
            help="Private key for Git over ssh; else your own keys and agent.",
        ),
    ] = None,
    git_credentials: Annotated[
        Path | None,
        typer.Option(
            "--git-credentials",
            envvar="FLOTILLA_GIT_CREDENTIALS",
            help="Lines of https://USER:TOKEN@HOST, as `git credential-store` keeps them.",
        ),
    ] = None,
    git_ca_file: Annotated[
        Path | None,
        typer.Option(
            "--git-ca-file",
            envvar="FLOTILLA_GIT_CA_FILE",
            help="Certificates that Git accepts over https.",
        ),
    ] = None,
    keep_events: Annotated[
        str | None,
        typer.Option(
            "--keep-events", help="Move older events to STATE/archive, like 90d; default: keep all."
        ),
    ] = None,
    interval: Annotated[float, typer.Option("--interval", help="Seconds between looks.")] = 30.0,
    once: Annotated[
        bool, typer.Option("--once", help="Converge, print a summary, and stop.")
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", help="With --once: give up after so many seconds.")
    ] = 600.0,
    verbose: Annotated[bool, typer.Option("--verbose", "-v")] = False,
) -> None:
    """Keep a fleet as its repository says.

    A token for the repository does not belong into --repo, which every user of the machine can
    read in the list of processes: put it into FLOTILLA_REPO_TOKEN (TOKEN or USER:TOKEN, for the
    server of --repo), or into the file of --git-credentials (also for other repositories).  Of
    ssh's own configuration, ~/.ssh/config is not read; name key and host keys here.

    Examples:
        flotilla server --repo https://git.example.com/fleet.git
        flotilla server --repo . --listen 127.0.0.1:8480 --token-file tokens
        flotilla server --repo . --once
    """
    import asyncio
    import logging

    from fleet.runtime import StartFailed, serve
    from fleet.settings import ServerSettings, default_kubeconfig, default_state_dir
    from fleet.source.errors import SourceError
    from fleet.store.errors import StoreError

    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = ServerSettings(
        repo=repo,
        ref=ref,
        path=path,
        state_dir=state or default_state_dir(),
        database=database,
        listen=listen,
        token_file=token_file,
        kubeconfig=kubeconfig or default_kubeconfig(),
        secrets_dir=secrets_dir,
        interval_s=interval,
        known_hosts=known_hosts,
        ssh_key=ssh_key,
        git_ca_file=git_ca_file,
        git_credentials=git_credentials,
        keep_events_s=duration(keep_events, "--keep-events") if keep_events else None,
        # Taken out of the environment: nothing that the server starts needs it.
        repo_token=os.environ.pop("FLOTILLA_REPO_TOKEN", None),
    )
    if _PASSWORD.match(repo):
        say(
            "warning: a token in --repo can be read by every user of this machine (ps); "
            "use FLOTILLA_REPO_TOKEN or --git-credentials"
        )
    try:
        if once:
            asyncio.run(_once(settings, timeout))
        else:
            asyncio.run(serve(settings))
    except (SourceError, StoreError, StartFailed, ValueError) as error:
        fail(str(error), EXIT_USAGE if isinstance(error, ValueError) else EXIT_FAILED)


async def _once(settings: ServerSettings, timeout_s: float) -> None:
    from fleet.runtime import converge

    view, seconds = await converge(settings, timeout_s=timeout_s)
    rows = [
        [c.name, c.state, f"{c.bundles_ready}/{c.bundles_total}", str(c.objects), c.why]
        for c in view.clusters
    ]
    show_table(rows, ["CLUSTER", "STATE", "BUNDLES", "OBJECTS", "WHY"])
    ready = sum(c.state == "Ready" for c in view.clusters)
    objects = sum(c.objects for c in view.clusters)
    say(
        f"{ready} of {len(view.clusters)} clusters ready, {objects} objects, "
        f"{len(view.needs)} things need somebody, {seconds:.1f} s"
    )
    for need in view.needs:
        say(f"  {need.kind}: {need.subject}: {need.sentence}")
    for problem in view.git.problems:
        field = f"{problem.field}: " if problem.field else ""
        say(f"  {problem.file}:{problem.line}: {field}{problem.message}")
    if seconds >= timeout_s:
        fail(f"not converged after {timeout_s:g} s", EXIT_TIMEOUT)
    git = view.git
    if ready < len(view.clusters) or git.refused_revision or git.error or not git.revision:
        raise SystemExit(EXIT_FAILED)
