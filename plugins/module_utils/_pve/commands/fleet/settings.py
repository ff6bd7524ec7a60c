# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a member as parameters of the API: for its creation, and for later changes."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ...api.errors import UsageError
from ...guests.config import Configuration, config_params
from ...guests.properties import as_text
from ...guests.volumes import size_in_bytes
from ...operations.container import container_params

if t.TYPE_CHECKING:
    from .members import Member

# The options of a clone, which have the same names in the API.
_CLONE = ("full", "storage", "format", "pool", "snapname", "bwlimit")
# The options of the API that settings of a member set.
_CONFIG = {
    "qemu": {
        "ci_user": "ciuser",
        "ci_password": "cipassword",
        "ssh_public_keys": "sshkeys",
        "ipconfig": "ipconfig0",
        "nameserver": "nameserver",
        "searchdomain": "searchdomain",
        "cores": "cores",
        "memory": "memory",
        "tags": "tags",
        "onboot": "onboot",
        "description": "description",
    },
    "lxc": {
        "cores": "cores",
        "memory": "memory",
        "swap": "swap",
        "nameserver": "nameserver",
        "searchdomain": "searchdomain",
        "tags": "tags",
        "onboot": "onboot",
        "description": "description",
        "features": "features",
    },
}
# Options that only the creation of a container from an OS template accepts.
_OF_CREATION = ("ostemplate", "storage", "password", "ssh_public_keys", "unprivileged", "pool")
_SIZE = "size"
_STORAGE = "storage"


def clone_options(member: Member) -> dict[str, t.Any]:
    """The options of the clone call."""
    return {name: member.get(name) for name in _CLONE if member.get(name) is not None}


def requested_config(member: Member, guest_type: str) -> dict[str, t.Any]:
    """The requested configuration options of a member, without its disks and without empty values.

    The dictionary ``config`` comes last. UsageError if it sets a disk that ``disks`` also sets.
    """
    config = {
        option: member.get(name)
        for name, option in _CONFIG[guest_type].items()
        if member.get(name) not in (None, "", [])
    }
    config.update(member.get("nics") or {})
    extra = member.get("config") or {}
    twice = sorted(set(extra) & set(member.get("disks") or {}))
    if twice:
        raise UsageError(f"config: {twice[0]} of {member.title} is set in disks as well")
    return {**config, **extra}


def is_compared(member: Member, guest_type: str | None) -> bool:
    """Whether any configuration of a guest is requested; None means a guest of either type."""
    types = _CONFIG if guest_type is None else (guest_type,)
    return bool(member.get("disks") or any(requested_config(member, one) for one in types))


def container_creation(member: Member) -> dict[str, t.Any]:
    """The parameters that create a container from an OS template, with its configuration."""
    options: dict[str, t.Any] = {name: member.get(name) for name in _OF_CREATION}
    disks = dict(member.get("disks") or {})
    if "rootfs" in disks:
        options["rootfs"] = _new_disk("rootfs", disks.pop("rootfs"), member, "lxc")
    config = requested_config(member, "lxc")
    features = config.pop("features", None)
    mounts = {name: _new_disk(name, one, member, "lxc") for name, one in disks.items()}
    params = container_params({**options, "features": features, "params": {}})
    further = _further(member, "lxc")
    return {**params, **config_params({**config, **mounts}, "lxc"), **further}


def vm_creation(member: Member) -> dict[str, t.Any]:
    """The parameters that create a VM from scratch, with its configuration and disks."""
    disks = {
        name: _new_disk(name, one, member, "qemu")
        for name, one in (member.get("disks") or {}).items()
    }
    pool = {"pool": member.get("pool")} if member.get("pool") else {}
    config = config_params({**requested_config(member, "qemu"), **disks}, "qemu")
    return {**pool, **config, **_further(member, "qemu")}


def _further(member: Member, guest_type: str) -> dict[str, t.Any]:
    """The parameters of the creation that have no setting of their own."""
    params = member.get("params") or {}
    named = {"vmid", "name", "hostname", "node", *(member.get("disks") or {})}
    twice = sorted(named & set(params))
    if twice:
        raise UsageError(
            f"params: {twice[0]} of {member.title} is also set by an option of its own"
        )
    return config_params(params, guest_type)


@dataclass(frozen=True)
class Disk:
    """A requested disk: ``size`` in GiB, and the other ``properties`` of its option."""

    name: str
    size: float | None
    storage: str | None
    properties: t.Mapping[str, t.Any]

    @property
    def volume(self) -> str | None:
        """The volume that is requested explicitly, if any."""
        named = self.properties.get("file") or self.properties.get("volume")
        return None if named is None else str(named)

    def grows(self, current: Configuration, title: str) -> str | None:
        """The size to resize it to, None if it already has it; UsageError if it would shrink."""
        have = current.disk_size(self.name)
        if self.size is None or have is None:
            return None
        text = f"{self.size:g}G"
        wanted = size_in_bytes(text) or 0
        if wanted < have:
            raise UsageError(
                f"disks: {self.name} of {title} is larger than {text}; it cannot be shrunk"
            )
        return text if wanted > have else None

    def option(self, current: Configuration, member: Member, guest_type: str) -> str | None:
        """The value of its option; None if only the size is requested.

        An existing disk keeps its volume, a missing one is created on its storage.
        """
        have = current.after_restart(self.name)
        if have is None or self.volume is not None:
            return _created(self, member, guest_type)
        volume = str(have).split(",", 1)[0]
        if self.storage is not None and volume.split(":", 1)[0] != self.storage:
            raise UsageError(
                f"disks: {self.name} of {member.title} is on storage {volume.split(':', 1)[0]}"
                f" ({volume}), not on {self.storage}; moving it is an operation of its own"
            )
        if not self.properties:
            return None
        return f"{volume},{as_text(self.name, self.properties, guest_type)}"


def wanted_disks(member: Member) -> list[Disk]:
    """The disks of a member; UsageError for an invalid size."""
    return [_disk(name, value, member) for name, value in (member.get("disks") or {}).items()]


def _disk(name: str, value: t.Any, member: Member) -> Disk:
    given = dict(value) if isinstance(value, t.Mapping) else {_SIZE: value}
    size = given.pop(_SIZE, None)
    storage = given.pop(_STORAGE, None)
    try:
        gib = None if size is None else float(str(size).removesuffix("G"))
    except ValueError:
        gib = -1.0
    if gib is not None and not 0 < gib < float("inf"):
        raise UsageError(
            f"disks: {name} of {member.title}: the size {size!r} is not a number of GiB"
        )
    return Disk(name, gib, storage, given)


def _new_disk(name: str, value: t.Any, member: Member, guest_type: str) -> str:
    return _created(_disk(name, value, member), member, guest_type)


def _created(disk: Disk, member: Member, guest_type: str) -> str:
    """The option that creates the disk."""
    storage = disk.storage or member.get("storage")
    volume = disk.volume
    properties = {
        name: value for name, value in disk.properties.items() if name not in ("file", "volume")
    }
    if volume is None and (disk.size is None or storage is None):
        raise UsageError(
            f"disks: {disk.name} of {member.title} does not exist; to create it, set its size and"
            " its storage"
        )
    first = volume or f"{storage}:{disk.size:g}"
    return f"{first},{as_text(disk.name, properties, guest_type)}" if properties else first
