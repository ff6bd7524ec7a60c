# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests for volumes: ``STORAGE:SIZE`` requests one, and an existing one satisfies it.

Sent to Proxmox VE unchanged, such a request creates a new, empty volume each time and detaches the
one in use (``PVE::QemuServer``, ``PVE::LXC::Config``).
"""

from __future__ import annotations

import re
import typing as t

from ..api.errors import UsageError

if t.TYPE_CHECKING:
    from .properties import Format

DRIVE = re.compile(r"(rootfs|mp\d+|(ide|sata|scsi|virtio|efidisk|tpmstate)\d+)\Z")
"""The options of a guest that can hold a volume."""
_FORMAT = re.compile(r"\.(raw|qcow2|vmdk|subvol)\Z")
_STORAGE = r"(?P<storage>[A-Za-z][\w.\-]*)"
_REQUEST = re.compile(rf"{_STORAGE}:(?P<size>\d+(?:\.\d+)?|cloudinit)\Z")
_VOLUME = re.compile(rf"{_STORAGE}:.+")
# Properties for the creation of a volume, which are not stored.
_OF_THE_CREATION = ("format", "import-from")
_GIB = 1 << 30
# Proxmox VE generates the content of a cloud-init drive, under this name.
_CLOUDINIT = "cloudinit"
# Volumes whose size Proxmox VE chooses itself, whatever the request.
_OWN_SIZE = ("efidisk0", "tpmstate0")


# PVE::Storage, normalize_content_filename: what is in front of the last slash, and what is unsafe.
_FOLDERS = re.compile(r".*[/\\]", re.DOTALL)
_UNSAFE = re.compile(r"[^A-Za-z0-9\-.+=_]")


def stored_name(filename: str) -> str:
    """The name under which a storage keeps a file: ``my disk.iso`` is ``my_disk.iso`` there."""
    return _UNSAFE.sub("_", _FOLDERS.sub("", filename))


class ReplacedVolumeError(UsageError):
    """A request would detach the volume of a guest; only ``allow_destructive`` allows that."""


def met_by(option: str, form: Format, have: str, want: str) -> str:
    """The request with the existing volume in place of the requested one.

    UsageError if the volume is on another storage or has another size, and ReplacedVolumeError if
    the request names another volume.
    """
    if form.volume is None:
        return want
    volume = form.volume
    current, wanted = form.parse(have), form.parse(want)
    mine, asked = current.get(volume, ""), wanted.get(volume, "")
    request = _REQUEST.match(asked)
    if request is None:
        if asked != mine and _is_owned(current, mine):
            raise ReplacedVolumeError(
                f"{option} has the volume {mine}; {asked or want} would replace it"
            )
        return want
    if not _VOLUME.match(mine) or _is_medium(current, mine):
        return want
    if (request.group("size") == _CLOUDINIT) != (_CLOUDINIT in mine):
        raise ReplacedVolumeError(f"{option} has the volume {mine}; {asked} would replace it")
    _check(option, request, mine, current)
    if request.group("size") == _CLOUDINIT:
        wanted.setdefault("media", "cdrom")
    rest = {key: one for key, one in wanted.items() if key not in (volume, *_OF_THE_CREATION)}
    return ",".join([mine, *(f"{key}={one}" for key, one in rest.items())])


def _check(option: str, request: re.Match[str], mine: str, current: t.Mapping[str, str]) -> None:
    storage = mine.split(":", 1)[0]
    if storage != request.group("storage"):
        raise UsageError(
            f"{option} is on storage {storage} ({mine}), not on {request.group('storage')}; to move"
            " it there is an operation of its own (move_disk, for a container move_volume)"
        )
    size, have = request.group("size"), size_in_bytes(current.get("size", ""))
    if size == _CLOUDINIT or option in _OWN_SIZE or have is None or float(size) == 0:
        return
    if float(size) * _GIB != have:
        raise UsageError(
            f"{option} ({mine}) has the size {current['size']}, not {size}G; the operation resize"
            " enlarges a disk, nothing shrinks one"
        )


def _is_owned(current: t.Mapping[str, str], volume: str) -> bool:
    """Whether a volume holds data of the guest: neither a medium nor a device of the host."""
    return _VOLUME.match(volume) is not None and not _is_medium(current, volume)


def _is_medium(current: t.Mapping[str, str], volume: str) -> bool:
    """Whether the drive has a medium that can be changed: an image, the host's drive or none."""
    return current.get("media") == "cdrom" and _CLOUDINIT not in volume


def size_in_bytes(text: str) -> int | None:
    """``32G`` in bytes (``PVE::JSONSchema::parse_size``; binary units); None if invalid."""
    match = re.match(r"(\d{1,18}(?:\.\d+)?)([KMGT]?)\Z", text)
    if match is None:
        return None
    return int(float(match.group(1)) * 1024 ** " KMGT".index(match.group(2) or " "))


def volume_of(value: str) -> str:
    """The volume in the value of a drive: ``ceph:vm-101-disk-0`` of ``...,size=32G``."""
    return re.sub(r"\A(file|volume)=", "", value.split(",", 1)[0])


def storage_of(volume: str) -> str | None:
    """The storage of a volume; None for a path, an empty drive or the drive of the host."""
    return volume.split(":", 1)[0] if _VOLUME.match(volume) else None


def format_of_volume(volume: str) -> str:
    """The format of a volume by its name; what is no file is raw."""
    match = _FORMAT.search(volume)
    return "raw" if match is None else match.group(1)


def storages_of(config: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    """The storages that the drives of a guest are on, in order of their names."""
    volumes = [volume_of(str(value)) for key, value in config.items() if DRIVE.match(key)]
    return tuple(sorted({storage for storage in map(storage_of, volumes) if storage}))


def type_in_backup(volume: str) -> str | None:
    """The type of the guest in a backup, by the volume's name, None if it is not part of that.

    ``local:backup/vzdump-lxc-200-...`` (``PVE::VZDump``) and ``pbs:backup/ct/200/...``.
    """
    match = re.search(r"vzdump-(qemu|lxc|openvz)-|:backup/(vm|ct)/", volume)
    if match is None:
        return None
    return "qemu" if "qemu" in match.groups() or "vm" in match.groups() else "lxc"
