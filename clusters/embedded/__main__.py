"""`python -m clusters.embedded`: serve embedded clusters until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clusters.embedded.faults import NO_FAULTS
from clusters.embedded.options import read_duration, read_faults
from clusters.embedded.serve import EmbeddedClusters, cluster_names, serve


def _argument(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let argparse say what a reader refuses."""

    def argument(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return argument


def _announce(clusters: EmbeddedClusters, kubeconfig: Path | None) -> None:
    first = clusters.url_of(clusters.names[0]) if clusters.names else "nowhere"
    sys.stdout.write(f"serving {len(clusters.names)} clusters, the first at {first}\n")
    if kubeconfig is not None:
        sys.stdout.write(f"export KUBECONFIG={kubeconfig}\n")
    sys.stdout.flush()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m clusters.embedded", description=__doc__)
    parser.add_argument("--clusters", type=int, default=1, help="how many (default 1)")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--kubeconfig", type=Path, help="write one context per cluster here")
    parser.add_argument("--token", default="", help="bearer token (default: drawn)")
    parser.add_argument(
        "--faults", type=_argument(read_faults), default=NO_FAULTS, help="JSON, or NAME=VALUE,…"
    )
    parser.add_argument(
        "--ready-after",
        type=_argument(read_duration),
        default=2.0,
        help="until workloads are ready (2s)",
    )
    args = parser.parse_args()
    kubeconfig: Path | None = args.kubeconfig
    if kubeconfig is None and not args.token:  # or nobody would know the token that is drawn
        kubeconfig = Path(tempfile.mkdtemp(prefix="embedded-clusters-")) / "kubeconfig"
    serving = serve(
        cluster_names(args.clusters),
        port=args.port,
        kubeconfig=kubeconfig,
        token=args.token,
        ready_after_s=args.ready_after,
        faults=args.faults,
        announce=lambda clusters: _announce(clusters, kubeconfig),
    )
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serving)
    except OSError as error:
        sys.exit(f"cannot serve embedded clusters: {error}")


if __name__ == "__main__":
    main()
