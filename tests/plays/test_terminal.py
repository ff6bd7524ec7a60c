# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers and guests say commands no terminal, whatever the callback does with it."""

from __future__ import annotations

import pytest
from ansible_collections.upid.proxmox.tests.plays.overheard import Task, overhear
from ansible_collections.upid.proxmox.tests.plays.releases import Ansible

pytestmark = pytest.mark.timeout(240)

# Clears the screen, rings, overwrites the line, and shows "txt.exe" as "exe.txt".
COMMANDS = "odd\x1b[2J-\x07-\r-\x9b31m-\u202eexe.txt"
FORBIDDEN = frozenset("\x1b\x07\r\x9b\u202e")


@pytest.mark.parametrize("shape", ["json", "yaml"])
def test_texts_of_a_server_do_not_control_the_terminal(edge_ansible: Ansible, shape: str) -> None:
    admin = edge_ansible.cluster.admin
    ended = {"action": "task", "exitstatus": COMMANDS}
    admin("POST", "faults", {**ended, "type": "qmclone"})
    # The simulator's server refuses to send other characters in a reason phrase.
    phrase = "phrase odd-\x9b31m-\u202eexe.txt"
    refusal = {"action": "status", "status": 403, "reason": phrase}
    admin("POST", "faults", {**refusal, "path": "/nodes/pve3/tasks", "method": "GET"})
    role = {"provision_vms_source": 9000, "provision_vms_guests": [{"name": "odd-two"}]}
    show = {"ansible.builtin.debug": {"msg": "{{ query('upid.proxmox.task_history') }}"}}
    tasks: list[Task] = [
        {"upid.proxmox.clone": {"source": "9000", "name": "odd-one"}},
        {"ansible.builtin.include_role": {"name": "upid.proxmox.provision_vms"}, "vars": role},
        {"upid.proxmox.task_info": {"log_lines": 5}, "register": "seen"},
        {"ansible.builtin.debug": {"var": "seen"}},
        show,
        {"ansible.builtin.debug": {"msg": show_with(on_unreachable="fail")}},
    ]
    heard = overhear(edge_ansible, tasks, {}, ANSIBLE_CALLBACK_RESULT_FORMAT=shape)
    for said in (heard.run.output, heard.log):
        assert said.count("exe.txt") > 10
        text = said.replace("\\\\", "\\")
        for what in ("TASK ERROR: odd", "phrase odd", "odd\\x1b[2J"):
            assert what in text, what
        found = [line for line in said.split("\n") if FORBIDDEN & set(line)]
        assert not found, found[:5]


def show_with(**options: str) -> str:
    """A template that calls the lookup."""
    given = ", ".join(f"{name}='{value}'" for name, value in options.items())
    return f"{{{{ query('upid.proxmox.task_history', {given}) }}}}"
