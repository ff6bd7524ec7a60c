#!/usr/bin/python

# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloud_image_template
short_description: Make templates of a cloud image
description:
  - Makes a template of an image from the web, with a cloud-init drive, the guest agent enabled, and
    a serial console. There is either one template on each of O(nodes), or one for the cluster, on
    shared storage.
  - A node downloads the image and verifies its checksum, a VM is created whose disk is imported
    from it, and the VM is converted to a template. The nodes work side by side, and if one fails,
    the others go on.
  - A template is known by its name and by a line in its notes, which has its own VMID and the
    checksum of its image. If there is one of this checksum, nothing is done. A VM that an
    interrupted call left has the same line, and is completed.
  - If the checksum is another one, a new template is made beside the old one, with its own VMID.
    Old ones are removed only if O(allow_destructive=true).
version_added: 0.1.0
author:
  - the upid.proxmox authors (@upid)
options:
  name:
    description:
      - The name of the template. C({node}) in it stands for the name of the node.
      - A VM of this name that has no such line in its notes is never touched, and is an error.
    type: str
    required: true
  url:
    description:
      - The http or https URL of an image in the format qcow2, raw or vmdk. The nodes download it.
      - Compressed images are refused, because Proxmox VE does not unpack images that it imports.
    type: str
    required: true
  checksum:
    description:
      - The checksum of the image, such as V(sha256:0a1b...). Algorithms are C(md5), C(sha1),
        C(sha224), C(sha256), C(sha384) and C(sha512). Without one, the length decides.
      - With V(none) the image is not verified. Then the template is known by the URL, and a new
        image under the same URL is not noticed.
      - The URL of a list of checksums is not supported, because the API has no such check. An
        example shows how to read the checksum from one.
    type: str
    required: true
  format:
    description:
      - The format of the image. The default is that of the ending of O(url). C(.img) is V(qcow2).
    type: str
    choices: [qcow2, raw, vmdk]
  nodes:
    description:
      - The nodes that get a template of their own, or V(all) for all that are online.
      - Without it there is one template for the cluster, and O(storage) has to be shared.
    type: list
    elements: str
  storage:
    description:
      - The storage of the template's disks.
    type: str
    required: true
  image_storage:
    description:
      - The storage that the image is downloaded to. Its settings have to allow the content
        C(import).
    type: str
    default: local
  keep_image:
    description:
      - Whether the image stays on O(image_storage). By default it is removed as soon as the
        templates are there.
    type: bool
    default: false
  verify_certificates:
    description:
      - Whether the nodes verify the TLS certificate of the server.
    type: bool
    default: true
  keep:
    description:
      - How many templates of this name stay on each node, or in the cluster without O(nodes). The
        wanted one counts. The others go by age.
    type: int
    default: 1
  allow_destructive:
    description:
      - Whether older templates are removed, and VMs of interrupted calls for an older image.
      - Only those that this module made are removed. One that is protected, locked, or the base of
        linked clones stays, with a warning.
    type: bool
    default: false
  vmid_range:
    description:
      - The VMIDs to choose from, such as V(9000-9099). By default Proxmox VE chooses.
    type: str
  disk_gib:
    description:
      - The size of the disk in GiB. A larger image stays as large as it is.
    type: int
  disk_options:
    description:
      - Further properties of the disk, such as V(discard=on,ssd=1).
    type: str
    default: discard=on
  cores:
    description:
      - The number of cores.
    type: int
    default: 2
  memory:
    description:
      - The memory in MiB.
    type: int
    default: 2048
  cpu:
    description:
      - The type of the CPU.
    type: str
    default: x86-64-v2-AES
  bridge:
    description:
      - The bridge of the network interface.
    type: str
    default: vmbr0
  config:
    description:
      - Further options of the VM by their names in Proxmox VE, instead of those that this module
        sets. With null such an option is left out.
      - O(disk_options) and O(description) are not among them.
    type: dict
  pool:
    description:
      - The resource pool of the template.
    type: str
  tags:
    description:
      - The tags of the template.
    type: list
    elements: str
  description:
    description:
      - The notes of the template. The line with the checksum follows.
    type: str
attributes:
  check_mode:
    support: full
    details:
      - Returns the plan. Whether the disk has to grow is not known before it is there.
  diff_mode:
    support: full
  idempotent:
    support: full
extends_documentation_fragment:
  - upid.proxmox.wait
  - upid.proxmox.progress
  - upid.proxmox.start
  - upid.proxmox.connection
  - upid.proxmox.attributes
  - upid.proxmox.attributes.action_group
notes:
  - The settings of a template that is there are not compared. To make it again, remove it.
  - With O(wait=false) only the first task of each template is started.
  - Needs C(Datastore.AllocateTemplate) on the image storage (C(Datastore.Allocate) to remove the
    image), C(Sys.AccessNetwork) on the nodes, C(Datastore.AllocateSpace) on O(storage),
    C(VM.Allocate) and C(VM.Config.*) on the VMs, and C(SDN.Use) on the bridge.
seealso:
  - module: upid.proxmox.fleet
  - ref: ansible_collections.upid.proxmox.docsite.guide_playbooks
    description: The role and the playbook for this.
"""

EXAMPLES = r"""
- name: A template for the cluster on shared storage
  upid.proxmox.cloud_image_template:
    name: debian-13
    url: https://cloud.example.com/debian-13-genericcloud-amd64.qcow2
    checksum: sha512:{{ debian_checksum }}
    storage: ceph

- name: One on each node, with the checksum from the list of the distribution
  upid.proxmox.cloud_image_template:
    name: "ubuntu-2404-{node}"
    url: "{{ release }}/{{ file }}"
    checksum: "sha256:{{ sums | regex_search('([0-9a-f]{64}) .' ~ file, '\\1') | first }}"
    nodes: [all]
    storage: local-lvm
    disk_gib: 10
    keep: 2
    allow_destructive: true
  vars:
    release: https://cloud.example.com/releases/24.04/release
    file: ubuntu-24.04-server-cloudimg-amd64.img
    sums: "{{ lookup('ansible.builtin.url', release ~ '/SHA256SUMS', split_lines=false) }}"

- name: One with UEFI
  upid.proxmox.cloud_image_template:
    name: debian-13-uefi
    url: https://cloud.example.com/debian-13-genericcloud-amd64.qcow2
    checksum: sha512:{{ debian_checksum }}
    storage: ceph
    config:
      machine: q35
      bios: ovmf
      efidisk0: ceph:1,efitype=4m,pre-enrolled-keys=0
"""

RETURN = r"""
changed:
  description: Whether anything was changed, or would be in check mode.
  type: bool
  returned: always
  sample: true
templates:
  description: Every wanted template, in the order of the nodes. In check mode the plan.
  type: list
  elements: dict
  returned: always
  contains:
    node:
      description: The node of the template.
      type: str
      returned: always
      sample: pve1
    name:
      description: The name of the template.
      type: str
      returned: always
      sample: debian-13
    vmid:
      description: The VMID, null while there is none.
      type: int
      returned: always
      sample: 9000
    image:
      description: The checksum of its image, or V(url:...) for one that is not verified.
      type: str
      returned: always
      sample: sha256:2c1f5b0cbd2f9a9f1f3c6d0d9d8bb0ad0d6c0a3e7f5ba4c5a6f7c8d9e0f1a2b3
    outcome:
      description: The outcome, with the values of the outcome of a task.
      type: str
      returned: always
      sample: ok
    changed:
      description: Whether this call changed anything for it.
      type: bool
      returned: always
      sample: true
    done:
      description: What this call did, or in check mode would do.
      type: list
      elements: str
      returned: always
      sample: [downloaded, created, converted, removed the image]
    step:
      description: The step that failed, null if none did.
      type: str
      returned: always
      sample: null
    message:
      description: Why it failed, null if it did not.
      type: str
      returned: always
      sample: null
    upid:
      description: The UPID of its last task, null if there was none.
      type: str
      returned: always
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmtemplate:9000:ansible@pve!ci:"
    removed:
      description: The VMIDs of older templates that were removed.
      type: list
      elements: int
      returned: always
      sample: [9001]
    kept:
      description: The older templates that stay.
      type: list
      elements: dict
      returned: always
      contains:
        vmid:
          description: The VMID of the older template.
          type: int
          returned: always
          sample: 9002
        why:
          description: Why it stays.
          type: str
          returned: always
          sample: one of the newest 2
      sample: []
tasks:
  description: Every task that was started or adopted.
  type: list
  elements: dict
  returned: always
  contains:
    upid:
      description: The UPID, the id of the task.
      type: str
      returned: always
      sample: "UPID:pve1:000934AF:0D015579:68BF3A41:qmtemplate:9000:ansible@pve!ci:"
    node:
      description: The node that runs or ran the task.
      type: str
      returned: always
      sample: pve1
    type:
      description: The type of the task.
      type: str
      returned: always
      sample: qmtemplate
    id:
      description: What the task works on, mostly a VMID; for a clone, the VMID of the source.
      type: str
      returned: always
      sample: "9000"
    user:
      description: The user or API token that started the task.
      type: str
      returned: always
      sample: ansible@pve!ci
    title:
      description: The name of the task in the web interface.
      type: str
      returned: always
      sample: VM 9000 - Convert to template
    outcome:
      description:
        - The outcome. V(queued), V(starting) and V(running) are not final. V(ok), V(warnings),
          V(failed), V(cancelled), V(timed_out), V(lost) and V(unchanged) are.
        - V(lost) means that the outcome cannot be determined, because the node, the log or the
          privilege to see it is gone.
      type: str
      returned: always
      sample: ok
    exitstatus:
      description: The exit status from Proxmox VE, null if there is none.
      type: str
      returned: always
      sample: "OK"
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
      sample: 100.0
    log:
      description:
        - The last lines of the log of a task that did not end V(ok), after any earlier errors and
          warnings.
      type: list
      elements: str
      returned: always
      sample: []
msg:
  description:
    - The result in one line, in check mode what would be done.
    - After a failure each failed guest or task follows with its reason and the end of its log.
  type: str
  returned: always
  sample: "3 templates: 2 ok, 1 unchanged in 3 min 20 s"
succeeded:
  description: Whether the call succeeded, whatever C(failed_when) makes of it.
  type: bool
  returned: always
  sample: true
summary:
  description: The number of tasks with each outcome, their C(total), and the C(elapsed) seconds.
  type: dict
  returned: always
  sample:
    ok: 1
    total: 1
    elapsed: 43.1
api:
  description: The number of C(requests), and the C(host) that answered last.
  type: dict
  returned: always
  sample:
    host: pve1.example.com:8006
    requests: 27
diff:
  description: What changes in each guest, before and after, in diff mode.
  type: dict
  returned: in diff mode
  sample:
    before: "VM 9001 (debian-13) on pve1\n"
    after: "debian-13 on pve1: downloaded, created, converted, removed 9001\n"
"""

from ..module_utils._pve.commands import cloud_image_template
from ..module_utils._pve.edge.arguments import START_SPEC
from ..module_utils._pve.edge.module import run

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "url": {"type": "str", "required": True},
    "checksum": {"type": "str", "required": True},
    "format": {"type": "str", "choices": ["qcow2", "raw", "vmdk"]},
    "nodes": {"type": "list", "elements": "str"},
    "storage": {"type": "str", "required": True},
    "image_storage": {"type": "str", "default": "local"},
    "keep_image": {"type": "bool", "default": False},
    "verify_certificates": {"type": "bool", "default": True},
    "keep": {"type": "int", "default": 1},
    "allow_destructive": {"type": "bool", "default": False},
    "vmid_range": {"type": "str"},
    "disk_gib": {"type": "int"},
    "disk_options": {"type": "str", "default": "discard=on"},
    "cores": {"type": "int", "default": 2},
    "memory": {"type": "int", "default": 2048},
    "cpu": {"type": "str", "default": "x86-64-v2-AES"},
    "bridge": {"type": "str", "default": "vmbr0"},
    "config": {"type": "dict"},
    "pool": {"type": "str"},
    "tags": {"type": "list", "elements": "str"},
    "description": {"type": "str"},
}


def main() -> None:
    run(cloud_image_template.run, {**START_SPEC, **ARGUMENT_SPEC}, keys=("templates", "tasks"))


if __name__ == "__main__":
    main()
