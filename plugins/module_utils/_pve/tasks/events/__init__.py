# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens to the tasks of a cluster, as a stream of events that nothing gets lost from."""

from __future__ import annotations
