# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the collection beside what else there is, on simulated clusters at speed 1.

The figures go to a file as JSON, and a table of them to the standard output. All clients of a
part run one after the other on this machine, each against a new cluster in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ansible_collections.upid.proxmox.tests.benchmarks import (
    bulk,
    growth,
    history,
    one,
    pipeline,
    wait,
)
from ansible_collections.upid.proxmox.tests.benchmarks.bench import Bench, Figures
from ansible_collections.upid.proxmox.tests.benchmarks.table import table
from ansible_collections.upid.proxmox.tests.simulator_process import end_on_sigterm

PARTS: Mapping[str, Callable[..., Figures]] = {
    "bulk": bulk.run,
    "pipeline": pipeline.run,
    "wait": wait.run,
    "one": one.run,
    "history": history.run,
    "growth": growth.run,
}


def main(arguments: list[str] | None = None) -> int:
    """Run the parts asked for, all of them by default."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="tiny numbers, to see that it works")
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    options = parser.parse_args(arguments)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    end_on_sigterm()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        figures = _run(Bench(Path(folder)), options.parts or list(PARTS), quick=options.quick)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"written to {options.output}")
    return 0


def _run(bench: Bench, parts: list[str], *, quick: bool) -> Figures:
    figures: Figures = {
        "peers": dict(bench.peers),
        "machine": {"cores": os.cpu_count(), "python": sys.version.split(maxsplit=1)[0]},
        "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    print(" ".join(f"{name} {version}" for name, version in figures["peers"].items()), flush=True)
    for part in parts:
        figures[part] = PARTS[part](bench, quick=quick)
        print(f"\n{part}\n{table(figures[part])}", flush=True)
    return figures


if __name__ == "__main__":
    sys.exit(main())
