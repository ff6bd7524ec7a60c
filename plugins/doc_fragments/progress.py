# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether to show progress: the option of ``PROGRESS_SPEC``."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  progress:
    description:
      - Whether to show what the module does while it runs.
      - With V(auto) it is shown unless the callback of the play is V(json), V(jsonl), V(minimal),
        V(oneline) or V(null). With V(on) it is then shown on the standard error. On a terminal
        there is a line for each change that matters, and now and then a line with the totals;
        elsewhere at most a line in 15 seconds.
      - It is never shown in check mode and for tasks with C(async). With a connection to another
        machine, or C(become) to a user who is not root, only the time is shown. With C(no_log)
        only numbers are.
      - If it is not set, the environment variable E(UPID_PROXMOX_PROGRESS) decides, then the key
        C(progress) of the section C([upid_proxmox]) in the file C(ansible.cfg), then it is V(auto).
    type: str
    choices: [auto, "on", "off"]
"""
