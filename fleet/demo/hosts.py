"""The demo's clusters, a process of their own: `… -m fleet.demo.hosts KUBECONFIG SECONDS NAME…`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from clusters.embedded.serve import serve


def main() -> None:
    """Serve the named clusters, whose Pods take SECONDS to be ready, until the parent ends us."""
    kubeconfig, ready_after_s, *names = sys.argv[1:]
    asyncio.run(serve(names, kubeconfig=Path(kubeconfig), ready_after_s=float(ready_after_s)))


if __name__ == "__main__":
    main()
