# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job that clones a VM or a container."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ..api.errors import UsageError
from ..guests.cluster import Guest
from ..guests.identity import config_name
from ..guests.labels import label_of
from ..guests.volumes import storages_of
from ..tasks.types import default_wait_timeout
from .job import Job, common_lanes, readdressing
from .lane import Lane


@dataclass(frozen=True)
class CloneSource:
    """The source of a clone; its disks are on ``storages``. ``why`` says why they are unknown."""

    guest: Guest
    storages: tuple[str, ...] = ()
    why: str = ""

    @property
    def exclusive(self) -> bool:
        """Whether Proxmox VE lets only one clone of it run at a time.

        A container gets ``lock: disk`` while it is cloned (``PVE::API2::LXC``). A stopped VM gets a
        shared lock, a running one an exclusive lock (``PVE::API2::Qemu``).
        """
        return self.guest.type == "lxc" or self.guest.running

    @classmethod
    def read(cls, guest: Guest, config: t.Mapping[str, t.Any]) -> CloneSource:
        """The source with this configuration."""
        named = replace(guest, name=config_name(guest.type, config))
        return cls(named, storages_of(config))


def clone_job(
    source: CloneSource,
    target: Guest,
    options: t.Mapping[str, t.Any],
    timeout: float | None,
    *,
    movable: bool,
) -> Job:
    """The job of one clone; ``movable`` says that another VMID would do as well.

    The task runs on the source's node and carries the source's VMID; the new guest moves to the
    target's node in its last step.
    """
    guest = source.guest
    task_type = "qmclone" if guest.type == "qemu" else "vzclone"
    storage = options.get("storage") or (source.storages[0] if source.storages else None)
    lanes = (
        Lane(f"source {guest.vmid}", exclusive=source.exclusive),
        Lane(f"vmid {target.vmid}", exclusive=True),
        *common_lanes(guest.node, storage),
    )
    return Job(
        title=f"clone of {label_of(guest.type, guest.vmid)} to {target.label}",
        target=target,
        node=guest.node,
        method="POST",
        path=("nodes", guest.node, guest.type, guest.vmid, "clone"),
        params={
            "newid": target.vmid,
            "name" if guest.type == "qemu" else "hostname": target.name,
            "target": target.node if target.node != guest.node else None,
            **options,
        },
        task_type=task_type,
        task_id=str(guest.vmid),
        timeout=default_wait_timeout(task_type) if timeout is None else timeout,
        lanes=lanes,
        repeatable=True,
        storage=storage,
        needs=(
            f"VM.Clone on /vms/{guest.vmid}, VM.Allocate on /vms/{target.vmid} or on /pool/..., "
            "Datastore.AllocateSpace on the storages and SDN.Use on the bridges"
        ),
        readdress=readdressing(
            lambda other: clone_job(source, other, options, timeout, movable=True), target
        )
        if movable
        else None,
    )


def cloning(guest: Guest, params: t.Mapping[str, t.Any], timeout: float | None) -> Job:
    """The job of a clone by the API's own parameters: ``newid`` and so on."""
    name = params.get("name" if guest.type == "qemu" else "hostname")
    if not params.get("newid"):
        raise UsageError("params: newid is missing")
    node = str(params.get("target") or guest.node)
    name = None if name is None else str(name)
    target = Guest(int(params["newid"]), guest.type, node, name)
    return clone_job(CloneSource(guest), target, params, timeout, movable=False)
