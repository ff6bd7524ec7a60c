# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task types of Proxmox VE, with titles and default timeouts, as data only.

The titles are those of ``www/manager6/Utils.js`` in pve-manager, so that tasks have the same titles
as in the web interface.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

CLONE = 7200
BACKUP = 14400
MIGRATE = 14400
CREATE = 1800
SNAPSHOT = 600
START = 300
SHUTDOWN = 600
LONG = 7200
OTHER = 1800


@dataclass(frozen=True)
class TaskType:
    """A worker type, the sixth field of a UPID.

    ``title`` is a format string for the UPID's ``id``, None if the web interface has no title
    either. ``wait_timeout`` is how long to wait for such a task by default, in seconds.
    """

    name: str
    title: str | None = None
    wait_timeout: int = OTHER
    without_id: str | None = None

    def title_of(self, task_id: str) -> str:
        """The title of the task with this id, such as ``VM 100 - Clone``."""
        if self.title is None:
            return f"{self.name} {task_id}".rstrip()
        if not task_id and self.without_id is not None:
            return self.without_id
        return " ".join(self.title.format(id=task_id).split())


_TASK_TYPES = (
    TaskType("qmcreate", "VM {id} - Create", CREATE),
    TaskType("qmrestore", "VM {id} - Restore", BACKUP),
    TaskType("qmdestroy", "VM {id} - Destroy"),
    TaskType("qmclone", "VM {id} - Clone", CLONE),
    TaskType("qmtemplate", "VM {id} - Convert to template", CREATE),
    TaskType("qmconfig", "VM {id} - Configure"),
    TaskType("qmmove", "VM {id} - Move disk", MIGRATE),
    TaskType("resize", "VM/CT {id} - Resize"),
    TaskType("qmigrate", "VM {id} - Migrate", MIGRATE),
    TaskType("qmsnapshot", "VM {id} - Snapshot", SNAPSHOT),
    TaskType("qmdelsnapshot", "VM {id} - Delete Snapshot", SNAPSHOT),
    TaskType("qmrollback", "VM {id} - Rollback", SNAPSHOT),
    TaskType("qmstart", "VM {id} - Start", START),
    TaskType("qmstop", "VM {id} - Stop", START),
    TaskType("qmreset", "VM {id} - Reset"),
    TaskType("qmshutdown", "VM {id} - Shutdown", SHUTDOWN),
    TaskType("qmreboot", "VM {id} - Reboot", SHUTDOWN),
    TaskType("qmpause", "VM {id} - Pause"),
    TaskType("qmsuspend", "VM {id} - Hibernate"),
    TaskType("qmresume", "VM {id} - Resume"),
    TaskType("qmtunnel"),
    TaskType("vzcreate", "CT {id} - Create", CREATE),
    TaskType("vzrestore", "CT {id} - Restore", BACKUP),
    TaskType("vzdestroy", "CT {id} - Destroy"),
    TaskType("vzclone", "CT {id} - Clone", CLONE),
    TaskType("vztemplate", "CT {id} - Convert to template", CREATE),
    TaskType("move_volume", "CT {id} - Move Volume", MIGRATE),
    TaskType("vzmigrate", "CT {id} - Migrate", MIGRATE),
    TaskType("vzsnapshot", "CT {id} - Snapshot", SNAPSHOT),
    TaskType("vzdelsnapshot", "CT {id} - Delete Snapshot", SNAPSHOT),
    TaskType("vzrollback", "CT {id} - Rollback", SNAPSHOT),
    TaskType("vzstart", "CT {id} - Start", START),
    TaskType("vzstop", "CT {id} - Stop", START),
    TaskType("vzshutdown", "CT {id} - Shutdown", SHUTDOWN),
    TaskType("vzreboot", "CT {id} - Reboot", SHUTDOWN),
    TaskType("vzsuspend", "CT {id} - Suspend"),
    TaskType("vzresume", "CT {id} - Resume"),
    TaskType("vzmtunnel"),
    TaskType("pull_file", "CT {id} - Pull file"),
    TaskType("push_file", "CT {id} - Push file"),
    TaskType("startall", "Bulk start VMs and Containers", LONG),
    TaskType("stopall", "Bulk shutdown VMs and Containers", LONG),
    TaskType("suspendall", "Suspend all VMs", LONG),
    TaskType("migrateall", "Bulk migrate VMs and Containers", MIGRATE),
    TaskType("bulk-start", "Bulk start VMs and Containers", LONG),
    TaskType("bulk-shutdown", "Bulk shutdown VMs and Containers", LONG),
    TaskType("bulk-suspend", "Bulk shutdown VMs and Containers", LONG),
    TaskType("bulk-migrate", "Bulk migrate VMs and Containers", MIGRATE),
    TaskType("hastart", "HA {id} - Start", START),
    TaskType("hastop", "HA {id} - Stop", SHUTDOWN),
    TaskType("hamigrate", "HA {id} - Migrate", MIGRATE),
    TaskType("hashutdown", "HA {id} - Shutdown", SHUTDOWN),
    TaskType("vzdump", "VM/CT {id} - Backup", BACKUP, without_id="Backup Job"),
    TaskType("prunebackups", None, LONG),
    TaskType("pbs-download", "VM/CT {id} - File Restore Download"),
    TaskType("imgcopy", "Copy data", LONG),
    TaskType("imgdel", "Erase data"),
    TaskType("unknownimgdel", "Destroy image from unknown guest"),
    TaskType("download", "File {id} - Download", LONG),
    TaskType("ociregistrypull", None, LONG),
    TaskType("diskinit", "Disk {id} - Initialize Disk with GPT"),
    TaskType("wipedisk", "Device {id} - Wipe Disk"),
    TaskType("dircreate", "Directory Storage {id} - Create"),
    TaskType("dirremove", "Directory {id} - Remove"),
    TaskType("lvmcreate", "LVM Storage {id} - Create"),
    TaskType("lvmremove", "Volume Group {id} - Remove"),
    TaskType("lvmthincreate", "LVM-Thin Storage {id} - Create"),
    TaskType("lvmthinremove", "Thinpool {id} - Remove"),
    TaskType("zfscreate", "ZFS Storage {id} - Create"),
    TaskType("zfsremove", "ZFS Pool {id} - Remove"),
    TaskType("aptupdate", "Update package database"),
    TaskType("srvstart", "SRV {id} - Start"),
    TaskType("srvstop", "SRV {id} - Stop"),
    TaskType("srvrestart", "SRV {id} - Restart"),
    TaskType("srvreload", "SRV {id} - Reload"),
    TaskType("reloadnetworkall", "Reload network configuration on all nodes"),
    TaskType("acmenewcert", "SRV {id} - Order Certificate"),
    TaskType("acmerenew", "SRV {id} - Renew Certificate"),
    TaskType("acmerevoke", "SRV {id} - Revoke Certificate"),
    TaskType("acmeregister", "ACME Account {id} - Register"),
    TaskType("acmeupdate", "ACME Account {id} - Update"),
    TaskType("acmerefresh", "ACME Account {id} - Refresh"),
    TaskType("acmedeactivate", "ACME Account {id} - Deactivate"),
    TaskType("vncproxy", "VM/CT {id} - Console"),
    TaskType("vncshell", "Shell"),
    TaskType("spiceproxy", "VM/CT {id} - Console (Spice)"),
    TaskType("spiceshell", "Shell (Spice)"),
    TaskType("termproxy", "Console (xterm.js)"),
    TaskType("clustercreate", "Create Cluster"),
    TaskType("clusterjoin", "Join Cluster"),
    TaskType("auth-realm-sync", "Realm {id} - Sync"),
    TaskType("auth-realm-sync-test", "Realm {id} - Sync Preview"),
    TaskType("cephcreatemon", "Ceph Monitor {id} - Create"),
    TaskType("cephdestroymon", "Ceph Monitor {id} - Destroy"),
    TaskType("cephcreatemgr", "Ceph Manager {id} - Create"),
    TaskType("cephdestroymgr", "Ceph Manager {id} - Destroy"),
    TaskType("cephcreatemds", "Ceph Metadata Server {id} - Create"),
    TaskType("cephdestroymds", "Ceph Metadata Server {id} - Destroy"),
    TaskType("cephcreateosd", "Ceph OSD {id} - Create"),
    TaskType("cephdestroyosd", "Ceph OSD {id} - Destroy"),
    TaskType("cephcreatepool", "Ceph Pool {id} - Create"),
    TaskType("cephdestroypool", "Ceph Pool {id} - Destroy"),
    TaskType("cephsetpool", "Ceph Pool {id} - Edit"),
    TaskType("cephfscreate", "CephFS {id} - Create"),
    TaskType("cephdestroyfs", "CephFS {id} - Destroy"),
    TaskType("cephsetflags", "Change global Ceph flags"),
    TaskType("vzmount", "CT {id} - Mount"),
    TaskType("vzumount", "CT {id} - Unmount"),
    TaskType("unknown"),
)

TASK_TYPES: t.Mapping[str, TaskType] = {task_type.name: task_type for task_type in _TASK_TYPES}
"""Every worker type of Proxmox VE 9 by its name, and those that only older releases start."""

CONSOLES = frozenset({"vncproxy", "vncshell", "spiceproxy", "spiceshell", "termproxy"})
"""The types of open consoles: they run as long as a window is open."""


def task_type(name: str) -> TaskType:
    """The worker type with this name; unknown ones get the defaults."""
    return TASK_TYPES.get(name) or TaskType(name)


def default_wait_timeout(name: str) -> int:
    """How long to wait for a task of this type by default, in seconds."""
    return task_type(name).wait_timeout


def task_title(name: str, task_id: str) -> str:
    """The title of the task of this type and id in the web interface."""
    return task_type(name).title_of(task_id)
