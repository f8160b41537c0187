"""The demo's clusters as a process of their own: `python -m fleet.demo.hosts KUBECONFIG NAME…`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from clusters.embedded.serve import serve

READY_AFTER_S = 1.0


def main() -> None:
    """Serve the named clusters until the parent ends us."""
    kubeconfig, *names = sys.argv[1:]
    asyncio.run(serve(names, kubeconfig=Path(kubeconfig), ready_after_s=READY_AFTER_S))


if __name__ == "__main__":
    main()
