# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: task_history
short_description: List recent tasks of one node, several or all
description:
  - Returns the tasks of nodes as a list, newest start first over all nodes.
  - If a node does not answer, there is a warning, unless O(on_unreachable=fail).
  - It is an error if no node can be read, or if the credentials are wrong.
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  _terms:
    description:
      - The nodes, by default all nodes of the cluster.
    type: list
    elements: str
  limit:
    description:
      - The maximum number of tasks to return, over all nodes. If the default limit cuts off tasks,
        there is a warning.
    type: int
    default: 50
  on_unreachable:
    description:
      - What to do if the tasks of a node cannot be listed, because it does not answer or refuses.
        With V(warn) a warning names it, with V(fail) the lookup fails.
    type: str
    choices: [warn, fail]
    default: warn
extends_documentation_fragment:
  - upid.proxmox.task_filters
  - upid.proxmox.connection
  - upid.proxmox.connection.plugins
notes:
  - Proxmox VE lists about the last thousand tasks of a node.
  - A lookup does not see C(module_defaults). Its connection comes from options, from variables such
    as C(upid_proxmox_api_host), or from the environment.
  - Use it with C(query), or with C(wantlist=true), to get a list.
seealso:
  - module: upid.proxmox.task_info
"""

EXAMPLES = r"""
- name: Show the last tasks of all nodes
  ansible.builtin.debug:
    msg: "{{ query('upid.proxmox.task_history', limit=10) }}"

- name: Show which backups failed in the last day
  ansible.builtin.debug:
    msg: "{{ item.title }} on {{ item.node }}: {{ item.exitstatus }}"
  loop: "{{ query('upid.proxmox.task_history', type='vzdump', status='failed', since='24h') }}"
  loop_control:
    label: "{{ item.upid }}"

- name: Check that no task runs on two nodes
  ansible.builtin.assert:
    that: >-
      query('upid.proxmox.task_history', 'pve1', 'pve2', running=true, on_unreachable='fail')
      | length == 0
  vars:
    upid_proxmox_api_host: pve1.example.com
    upid_proxmox_api_token_id: ansible@pve!ci
    upid_proxmox_api_token_secret: "{{ vault_proxmox_token_secret }}"
"""

RETURN = r"""
_raw:
  description: The tasks, newest start first.
  type: list
  elements: dict
  contains:
    upid:
      description: The UPID, the id of the task.
      type: str
      returned: always
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:vzdump:101:ansible@pve!ci:"
    node:
      description: The node that runs or ran the task.
      type: str
      returned: always
      sample: pve1
    type:
      description: The type of the task.
      type: str
      returned: always
      sample: vzdump
    id:
      description: What the task works on, mostly a VMID; for a clone, the VMID of the source.
      type: str
      returned: always
      sample: "101"
    user:
      description: The user or API token that started the task.
      type: str
      returned: always
      sample: ansible@pve!ci
    title:
      description: The name of the task in the web interface.
      type: str
      returned: always
      sample: VM/CT 101 - Backup
    outcome:
      description:
        - The outcome. V(queued), V(starting) and V(running) are not final. V(ok), V(warnings),
          V(failed), V(cancelled), V(timed_out), V(lost) and V(unchanged) are.
        - V(lost) means that the outcome cannot be determined, because the node, the log or the
          privilege to see it is gone.
      type: str
      returned: always
      sample: failed
    exitstatus:
      description: The exit status from Proxmox VE, null if there is none.
      type: str
      returned: always
      sample: "job errors"
    started:
      description: When the task started, ISO 8601 in UTC.
      type: str
      returned: always
      sample: "2025-09-08T20:19:13Z"
    ended:
      description: When the task ended, null if unknown.
      type: str
      returned: always
      sample: "2025-09-08T20:19:55Z"
    duration:
      description: How many seconds the task took, null if unknown.
      type: int
      returned: always
      sample: 42
    progress:
      description: The progress in percent, null if the task reports none.
      type: float
      returned: always
      sample: null
    log:
      description: Always empty here, M(upid.proxmox.task_info) reads logs.
      type: list
      elements: str
      sample: []
"""

import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ..module_utils._pve.edge.printable import printable
from ..module_utils._pve.tasks.history import TaskQuery, recent_tasks
from ..plugin_utils._names import unknown_names
from ..plugin_utils._pve import ask, filled_in

if t.TYPE_CHECKING:
    from ..module_utils._pve.api.client import Api
    from ..module_utils._pve.tasks.history import TaskPage

display = Display()


class LookupModule(LookupBase):
    """The lookup, as Ansible asks for it."""

    def run(
        self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any
    ) -> list[dict[str, t.Any]]:
        """The tasks of the nodes that ``terms`` name, as plain dictionaries."""
        self.set_options(var_options=filled_in(self._templar, variables), direct=kwargs)
        options = self.get_options()
        for unknown in unknown_names(kwargs, options):  # Ansible takes any
            raise AnsibleError(printable(f"task_history has no option {unknown}"))
        nodes = [str(node) for node in self._flatten(terms)]

        async def question(api: Api) -> TaskPage:
            return await recent_tasks(api, nodes, TaskQuery.from_options(options))

        page = ask(options, question)
        missing = [
            f"task_history: the tasks of node {node} are missing: {why}"
            for node, why in page.unreachable.items()
        ]
        if missing and options["on_unreachable"] == "fail":
            raise AnsibleError(printable("\n".join(missing)))
        for text in missing:
            display.warning(printable(text))
        if page.unsearched:
            display.warning(f"task_history: {page.unsearched_in_words(int(options['vmid']))}")
        if page.truncated and "limit" not in kwargs:
            display.warning(
                f"task_history: more tasks match; only the newest {options['limit']} are returned."
                " Set limit to return more, or to turn this warning off"
            )
        return [printable(task.as_result()) for task in page.tasks]
