"""`flotilla server`: the coordinator as a service."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from fleet.cli import server_options as options
from fleet.cli.durations import duration
from fleet.cli.output import EXIT_FAILED, EXIT_TIMEOUT, EXIT_USAGE, count, fail, say, show_table

if TYPE_CHECKING:
    from fleet.control.settings import ServerSettings
    from fleet.view import FleetView

_PASSWORD = re.compile(r"(?i)https?://[^/\s]*@")


def server(
    repo: options.Repo,
    ref: options.Ref = None,
    path: options.Folder = "",
    state: options.State = None,
    listen: options.Listen = "",
    database: options.Database = None,
    kubeconfig: options.Kubeconfig = None,
    secrets_dir: options.SecretsDir = None,
    token_file: options.TokenFile = None,
    known_hosts: options.KnownHosts = None,
    ssh_key: options.SshKey = None,
    git_credentials: options.GitCredentials = None,
    git_ca_file: options.GitCaFile = None,
    git_max_mib: options.GitMaxMib = 512,
    git_timeout: options.GitTimeout = 300.0,
    keep_events: options.KeepEvents = None,
    interval: options.Interval = 30.0,
    once: options.Once = False,
    timeout: options.Timeout = 600.0,
    verbose: options.Verbose = False,
    log_format: options.LogFormat = options.LogForm.TEXT,
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

    from fleet.control.listening import StartFailed
    from fleet.control.runtime import serve
    from fleet.control.settings import ServerSettings, default_kubeconfig, default_state_dir
    from fleet.source.errors import SourceError
    from fleet.store.errors import StoreError

    _log(log_format, verbose=verbose, once=once)
    settings = ServerSettings(
        repo=repo,
        ref=ref,
        path=path,
        state_dir=(state or default_state_dir()).absolute(),
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
        git_max_mib=git_max_mib,
        git_timeout_s=git_timeout,
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


def _log(form: options.LogForm, *, verbose: bool, once: bool) -> None:
    """Log to standard error: with --once only what is wrong, for progress is told there as well."""
    import logging

    from fleet.control.server_log import JsonLines, TextLines

    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form is options.LogForm.JSON else TextLines())
    usual = logging.WARNING if once else logging.INFO
    logging.basicConfig(level=logging.DEBUG if verbose else usual, handlers=[handler])
    for library in ("alembic", "asyncio", "git"):
        logging.getLogger(library).setLevel(logging.WARNING)


async def _once(settings: ServerSettings, timeout_s: float) -> None:
    from fleet.cli.get import bundles_of
    from fleet.control.runtime import converge

    view, seconds = await converge(settings, timeout_s=timeout_s, progress=Progress())
    rows = [[c.name, c.state, bundles_of(c), str(c.objects), c.why] for c in view.clusters]
    show_table(rows, ["CLUSTER", "STATE", "BUNDLES", "OBJECTS", "WHY"])
    ready = sum(c.state == "Ready" for c in view.clusters)
    objects = sum(c.objects for c in view.clusters)
    say(
        f"{ready} of {len(view.clusters)} clusters ready, {count(objects, 'object')}, "
        f"{count(len(view.needs), 'thing')} for somebody to do, {seconds:.1f} s"
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


class Progress:
    """Says how far a fleet has come, in a line each time that it is further."""

    def __init__(self) -> None:
        self._said = ""

    def __call__(self, view: FleetView) -> None:
        """Look at the fleet."""
        ready = sum(c.state == "Ready" for c in view.clusters)
        applied = sum(placement.applied for placement in view.placements)
        objects = sum(placement.objects for placement in view.placements)
        line = (
            f"{ready} of {count(len(view.clusters), 'cluster')} ready, "
            f"{applied} of {count(objects, 'object')} as they should be"
        )
        if view.clusters and line != self._said:
            self._said = line
            say(f"… {line}")
