# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long tasks work: a range of seconds for each type, and a point in it for each guest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

SHORT = (0.5, 2.0)
MEDIUM = (3.0, 8.0)
LONG = (10.0, 30.0)
SESSION = (10.0, 10.0)
"""A console that nobody connects to."""
SECONDS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("vncproxy", "vncshell", "spiceproxy", "spiceshell"), SESSION),
    **dict.fromkeys(("qmtunnel", "vzmtunnel"), SESSION),
    **dict.fromkeys(("qmrestore", "vzrestore", "qmmove", "move_volume", "qmigrate"), LONG),
    **dict.fromkeys(("vzmigrate", "vzdump", "download", "ociregistrypull"), LONG),
    **dict.fromkeys(("aptupdate", "acmenewcert", "acmerenew", "acmerevoke"), MEDIUM),
    **dict.fromkeys(("imgcopy", "prunebackups", "pbs-download", "dircreate"), MEDIUM),
    **dict.fromkeys(("cephcreatemon", "cephdestroymon", "cephcreateosd"), MEDIUM),
    **dict.fromkeys(("cephdestroyosd", "cephfscreate", "cephdestroyfs"), MEDIUM),
    **dict.fromkeys(("clusterjoin", "auth-realm-sync", "auth-realm-sync-test"), MEDIUM),
    "qmigrate.shared": (1.0, 3.0),
    "vzmigrate.shared": (1.0, 3.0),
    "diskinit": (0.05, 0.2),
    "qmclone": (20.0, 40.0),
    "qmclone.linked": (1.0, 3.0),
    "vzclone": (8.0, 20.0),
    "vzclone.linked": (1.0, 3.0),
    "qmcreate": (0.5, 1.5),
    "vzcreate": (4.0, 9.0),
    "qmconfig": (0.05, 0.3),
    "resize": (0.2, 1.0),
    "qmstart": (1.0, 3.0),
    "vzstart": (1.0, 3.0),
    "qmshutdown": (3.0, 8.0),
    "vzshutdown": (2.0, 5.0),
    "qmreboot": (3.0, 8.0),
    "vzreboot": (3.0, 7.0),
    "qmreset": (0.05, 0.2),
    "qmpause": (0.05, 0.2),
    "qmsuspend": (3.0, 8.0),
    "vzsuspend": (2.0, 5.0),
    "vzresume": (2.0, 5.0),
    "qmdelsnapshot": (2.0, 6.0),
    "vzdelsnapshot": (2.0, 6.0),
    "imgdel": (0.3, 1.0),
    "hastart": (0.8, 1.2),
    "hastop": (0.8, 1.2),
    "hamigrate": (0.8, 1.2),
}


def fraction(*parts: object) -> float:
    """A number from 0 to 1 that depends on the parts alone."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / float(1 << 48)


def seconds_for(
    pace: str, seed: int, target: object, own: Mapping[str, tuple[float, float]]
) -> float:
    """Seconds of work of a task; `pace` is its type, with `.linked` where that differs."""
    low, high = own.get(pace) or SECONDS.get(pace) or SHORT
    return low + (high - low) * fraction(seed, pace, target)
