# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Proxmox VE cluster that speaks the real API over HTTPS on loopback.

It prints `listening on https://ADDRESS:PORT` for each address when it serves and stops on
SIGTERM or SIGINT. All state is in memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from textwrap import indent

import yaml
from pvesim.admin import PATHS
from pvesim.certificates import Authority
from pvesim.clock import Clock
from pvesim.listener import Address
from pvesim.server import Server
from pvesim.world import World
from pvesim.worldfile import WorldFileError

EPILOG = f"""\
the default world:
  the cluster sim of pve1, pve2 and pve3 with the storages local, local-lvm and ceph;
  VM template 9000 debian-12-cloud, container template 9100 debian-12-ct, the stopped VM 100
  app1, the running VM 101 db1, and an OS template in local
  (pvesim/data/default_world.yml, which also describes the format of world files)

its users, all with the password Sim-pass-1:
  root@pam       root@pam!ansible = 00000000-0000-4000-8000-000000000001
  ansible@pve    ansible@pve!ci   = 00000000-0000-4000-8000-000000000002
  operator@pve   PVEVMUser on VM 100
  auditor@pve    PVEAuditor on everything

paths for tests, without login (docs/docsite/rst/guide_simulator.rst shows each):
{indent(PATHS, "  ")}
example:
  python tests/simulator --listen 127.0.0.1:0 --listen 127.0.0.1:0 --speed 10 \\
      --cert-dir /tmp/sim --ready-file /tmp/sim/ready.json

The ready file is JSON: urls, ca (the file to trust), fingerprints (one for each url), pid.
With --listen given more than once, the nth address is the API of the nth node.
"""


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; wrong ones end the program with a usage message."""
    parser = argparse.ArgumentParser(
        prog="python tests/simulator",
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--listen", action="append", type=_address, metavar="ADDRESS:PORT",
        help="where to listen, port 0 is any free one (default: 127.0.0.1:8006)")  # fmt: skip
    add("--world", type=Path, metavar="FILE.yml", help="the cluster (default: the built-in one)")
    add("--speed", type=_positive, default=1.0,
        help="divides the work of tasks, not the server's own waits (default: 1)")  # fmt: skip
    add("--seed", type=int, default=1, help="of everything that chance decides (default: 1)")
    add("--now", type=_moment, metavar="TIME",
        help="the time at the start, an epoch or ISO 8601 (default: the real one)")  # fmt: skip
    add("--paused", action="store_true",
        help="let time stand still at first; with --now two runs are the same")  # fmt: skip
    add("--cert-dir", type=Path, metavar="DIR",
        help="where to write ca.pem (default: a temporary directory, printed)")  # fmt: skip
    add("--ready-file", type=Path, metavar="FILE", help="written when it serves")
    return parser.parse_args(argv)


def load(options: argparse.Namespace) -> World:
    """The world of the options; raises OSError or WorldFileError."""
    try:
        clock = Clock(options.speed, options.now)
        if options.paused:
            clock.pause()
        return World.load(options.world, seed=options.seed, clock=clock)
    except WorldFileError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        text = f"{options.world}: {type(error).__name__}: {error}"
        raise WorldFileError(text) from error


async def serve(options: argparse.Namespace, directory: Path) -> None:
    """Serve until a signal says stop."""
    world = load(options)
    authority = Authority(directory)
    server = Server(world, authority, options.listen or [Address("127.0.0.1", 8006)])
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await server.start()
        urls = [address.url for address in server.addresses]
        if options.ready_file:
            ready = {
                "urls": urls,
                "ca": str(authority.file.resolve()),
                "fingerprints": server.fingerprints,
                "pid": os.getpid(),
            }
            write_whole(options.ready_file, json.dumps(ready))
        for url in urls:
            print(f"listening on {url}", flush=True)
        await stop.wait()
    finally:
        await server.stop()


def write_whole(file: Path, text: str) -> None:
    """Write a file so that nobody ever sees a part of it."""
    part = file.with_name(f"{file.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the simulator; the exit code is 1 when it cannot serve."""
    options = parse(argv)
    with tempfile.TemporaryDirectory(prefix="pvesim-") as temporary:
        directory = options.cert_dir or Path(temporary)
        if options.cert_dir is None:
            print(f"certificates in {directory}", flush=True)
        try:
            asyncio.run(serve(options, directory))
        except (OSError, ValueError, WorldFileError) as error:
            print(f"simulator: {error}", file=sys.stderr)
            return 1
    return 0


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _moment(text: str) -> float:
    """An epoch, or ISO 8601; UTC unless it says otherwise."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _positive(text: str) -> float:
    if (number := float(text)) <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not greater than 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
