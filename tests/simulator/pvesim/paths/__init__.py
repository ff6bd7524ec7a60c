# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of the API, one file per subject; importing this package registers them all."""

from __future__ import annotations

from . import cluster, nodes, qemu_clone, task_list, task_one

__all__ = ["cluster", "nodes", "qemu_clone", "task_list", "task_one"]
