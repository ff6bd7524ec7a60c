# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a copy of a guest must not be started with."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import PveError
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.verify_backups.isolation import (  # noqa: E501
    isolation,
)

VM = {
    "net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0,link_down=0",
    "scsi0": "ceph:vm-90000-disk-0,size=8G",
    "serial0": "socket",
    "ide2": "ceph:vm-90000-cloudinit,media=cdrom",
}


@pytest.mark.parametrize(
    ("config", "kind", "changes"),
    [
        (VM, "qemu", {"delete": "net0"}),
        ({**VM, "net1": "e1000"}, "qemu", {"delete": "net0,net1"}),
        ({"scsi0": "ceph:vm-90000-disk-0"}, "qemu", {}),
        ({"hostpci0": "0000:01:00", "usb0": "host=1-1"}, "qemu", {"delete": "hostpci0,usb0"}),
        ({"serial0": "/dev/ttyS0", "args": "-nic tap"}, "qemu", {"delete": "args,serial0"}),
        # Directories of the host, and memory of this name that other VMs have, too.
        ({"virtiofs0": "dirid=data", "ivshmem": "size=1"}, "qemu", {"delete": "ivshmem,virtiofs0"}),
        ({"hookscript": "local:snippets/a.pl"}, "qemu", {"delete": "hookscript"}),
        ({"ide2": "local:iso/a.iso,media=cdrom"}, "qemu", {"ide2": "none,media=cdrom"}),
        ({"ide2": "none,media=cdrom"}, "qemu", {}),
        ({"mp0": "/srv/data,mp=/data", "mp1": "ceph:vm-1,mp=/x"}, "lxc", {"delete": "mp0"}),
        ({"mp0": "volume=/srv,mp=/data", "dev0": "/dev/fuse"}, "lxc", {"delete": "dev0,mp0"}),
    ],
)
def test_what_is_taken_away(config: dict[str, Any], kind: str, changes: dict[str, Any]) -> None:
    assert isolation(config, kind, "removed") == changes
    after = {k: v for k, v in config.items() if k not in changes.get("delete", "").split(",")}
    after |= {k: v for k, v in changes.items() if k != "delete"}
    assert isolation(after, kind, "removed") == {}


def test_an_interface_without_a_link_keeps_what_else_it_has() -> None:
    changes = isolation(VM, "qemu", "disconnected")
    assert changes == {"net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0,link_down=1"}
    assert isolation({**VM, **changes}, "qemu", "disconnected") == {}


def test_raw_settings_of_a_container_keep_it_from_starting() -> None:
    with pytest.raises(PveError, match="raw settings"):
        isolation({"lxc": [["lxc.net.0.type", "veth"]]}, "lxc", "removed")
