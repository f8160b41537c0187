"""Runs the benchmarks: `python -m tests.benchmarks [NAME...] [--quick] [--runs 3]`.

A benchmark is a module `bench_NAME.py` of this folder that can be run by itself and prints its
figures as JSON lines (see `figures`).  Each runs in a process of its own, so that CPU and memory
are its own; of the options below it is handed those that its `--help` names.

    --quick                  small sizes: whether it works, not how fast it is
    --kubeconfig, --contexts any API servers instead of embedded ones (they get, and lose, a
                             namespace of their own)
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import merged, progress, read, table

FOLDER = Path(__file__).parent
RESULTS = FOLDER.parent.parent / "bench-results"


def names() -> list[str]:
    """All benchmarks there are."""
    return sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))


def machine() -> dict[str, Any]:
    """Where and what is measured."""
    info = Path("/proc/cpuinfo")
    models = [
        line.partition(":")[2].strip()
        for line in (info.read_text().splitlines() if info.exists() else ())
        if line.startswith("model name")
    ]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
        "command": " ".join(["python", "-m", "tests.benchmarks", *sys.argv[1:]]),
    }


def figures_of(name: str, options: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Run one benchmark once.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = [sys.executable, "-m", f"tests.benchmarks.bench_{name}", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                for figure in read(json.loads(line)):
                    yield {"benchmark": name, **figure}
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def accepted(name: str, arguments: argparse.Namespace) -> list[str]:
    """Those of our options that a benchmark knows."""
    wanted = {
        "--quick": [] if arguments.quick else None,
        "--kubeconfig": [str(arguments.kubeconfig)] if arguments.kubeconfig else None,
        "--contexts": [arguments.contexts] if arguments.contexts else None,
    }
    asked = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.bench_{name}", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [
        word
        for option, values in wanted.items()
        if values is not None and option in asked.stdout
        for word in (option, *values)
    ]


def main() -> None:
    """Read the command line, run, and show."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(names())}")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=int, help="default: 3, or 1 with --quick")
    parser.add_argument("--kubeconfig", type=Path)
    parser.add_argument("--contexts", help="names, with commas between")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(names()):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(names())}")
    RESULTS.mkdir(exist_ok=True)
    where = machine()
    file = RESULTS / f"{where['at'].replace(':', '').replace('+0000', 'Z')}.jsonl"
    found: list[dict[str, Any]] = []
    failed: list[str] = []
    with file.open("w") as out:
        out.write(json.dumps({"machine": where}) + "\n")
        for name in arguments.names or names():
            options = accepted(name, arguments)
            for run in range(1, (arguments.runs or (1 if arguments.quick else 3)) + 1):
                progress(f"{name}, run {run}")
                try:
                    for figure in figures_of(name, options):
                        found.append({**figure, "run": run})
                        out.write(json.dumps(found[-1]) + "\n")
                        out.flush()
                except subprocess.CalledProcessError as error:
                    progress(f"{name} failed with exit code {error.returncode}")
                    failed.append(name)
                    break
    sys.stdout.write("\n".join(table(merged(found))) + f"\n\nwritten to {file}\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
