"""`python -m clusters.embedded`: serve embedded clusters until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
from pathlib import Path

from clusters.embedded.serve import cluster_names, serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m clusters.embedded", description=__doc__)
    parser.add_argument("--clusters", type=int, default=1, help="how many (default 1)")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--kubeconfig", type=Path, help="write one context per cluster here")
    parser.add_argument("--token", default="", help="bearer token (default: drawn)")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(
            serve(
                cluster_names(args.clusters),
                port=args.port,
                kubeconfig=args.kubeconfig,
                token=args.token,
            )
        )


if __name__ == "__main__":
    main()
