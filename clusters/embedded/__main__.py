"""`python -m clusters.embedded`: serve embedded clusters until interrupted."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import sys
from pathlib import Path

from clusters.embedded.faults import NO_FAULTS, Faults
from clusters.embedded.serve import cluster_names, serve


def read_duration(text: str) -> float:
    """Read `500ms`, `2s`, `1m` or plain seconds.

    Raises:
        argparse.ArgumentTypeError: it is none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m)?", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 500ms, 2s or 1m")
    return float(found[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}[found[2]]


def read_faults(text: str) -> Faults:
    """Read faults as JSON, or as `latency_s=0.1,error_rate=0.05`.

    Raises:
        argparse.ArgumentTypeError: there is no such fault, or not of this value.
    """
    try:
        if text.lstrip().startswith("{"):
            return Faults.read(json.loads(text))
        pairs = (part.partition("=")[::2] for part in text.split(",") if part)
        return Faults.read({name.strip(): json.loads(value or "true") for name, value in pairs})
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m clusters.embedded", description=__doc__)
    parser.add_argument("--clusters", type=int, default=1, help="how many (default 1)")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--kubeconfig", type=Path, help="write one context per cluster here")
    parser.add_argument("--token", default="", help="bearer token (default: drawn)")
    parser.add_argument(
        "--faults", type=read_faults, default=NO_FAULTS, help="JSON, or NAME=VALUE,…"
    )
    parser.add_argument(
        "--ready-after", type=read_duration, default=2.0, help="until workloads are ready (2s)"
    )
    args = parser.parse_args()
    serving = serve(
        cluster_names(args.clusters),
        port=args.port,
        kubeconfig=args.kubeconfig,
        token=args.token,
        ready_after_s=args.ready_after,
        faults=args.faults,
    )
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serving)
    except OSError as error:
        sys.exit(f"cannot serve embedded clusters: {error}")


if __name__ == "__main__":
    main()
