# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of a guest: what a wish means in the API's terms, and what of it is new."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import quote, unquote

from .guests import split_tags

# How Proxmox VE writes a drive that it was asked to make: STORAGE:SIZE becomes a volume.
_NEW_VOLUME = re.compile(r"(?P<storage>[A-Za-z][\w.\-]*):(?P<size>\d+(\.\d+)?|cloudinit)\Z")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}\Z")
_TRUE, _FALSE = ("1", "on", "yes", "true"), ("0", "off", "no", "false")
# Secrets read back as asterisks, so nobody can tell whether they differ: they are set each time,
# since a password that is silently left as it was would be worse than a change too many.
SECRETS = ("cipassword", "password")
# Text for people, in which a comma or a "yes" has no meaning.
_PROSE = ("description",)


def config_params(params: t.Mapping[str, t.Any], kind: str) -> dict[str, t.Any]:
    """The parameters as the API takes them.

    Booleans become 0 and 1, tags are joined by semicolons, other lists by commas, dictionaries
    become property strings (``{ip: dhcp}`` is ``ip=dhcp``), and SSH keys are URL-encoded as
    ``PVE::API2::Qemu`` wants them.
    """
    return {name: _param(name, value, kind) for name, value in params.items() if value is not None}


def _param(name: str, value: t.Any, kind: str) -> t.Any:
    if name == "sshkeys" and kind == "qemu":
        keys = "\n".join([value] if isinstance(value, str) else value).strip()
        return keys if re.match(r"[^\s%]+%20", keys) else quote(keys, safe="")
    if name == "tags":
        return ";".join(split_tags(value))
    return plain(value)


def plain(value: t.Any) -> t.Any:
    """A value as a form field: text or number."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, t.Mapping):
        return ",".join(f"{name}={plain(one)}" for name, one in value.items())
    if isinstance(value, (list, tuple)):
        return ",".join(str(plain(one)) for one in value)
    return value


def difference(current: t.Mapping[str, t.Any], wanted: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What of ``wanted`` (as ``config_params`` gives it) would change ``current``.

    ``delete`` keeps only options that are set. Options of the call itself (``digest``, ``force``,
    ``skiplock``, ...) are kept when anything is left to do.
    """
    changes = {
        name: value
        for name, value in wanted.items()
        if name not in _OF_THE_CALL and not _same(name, current.get(name), value)
    }
    deleted = [name for name in _names(wanted.get("delete")) if name in current]
    if deleted:
        changes["delete"] = ",".join(deleted)
    if changes:
        changes.update((name, wanted[name]) for name in _OF_THE_CALL & set(wanted) - {"delete"})
    return changes


_OF_THE_CALL = {"delete", "digest", "force", "skiplock", "revert", "background_delay"}


def _names(text: object) -> list[str]:
    return [name for name in re.split(r"[,;\s]+", str(text or "")) if name]


def _same(name: str, current: t.Any, wanted: t.Any) -> bool:
    """Whether the option says already what is wanted; each kind of value by its own rule."""
    if name == "tags":
        return split_tags(current) == split_tags(wanted)
    if current is None or name in SECRETS:
        return False
    if name == "sshkeys":
        return unquote(str(current)).split() == unquote(str(wanted)).split()
    have, want = str(current).strip(), str(wanted).strip()
    if have == want or name in _PROSE:
        return have == want
    return _same_switch(have, want) or _same_properties(have, want)


def _same_switch(have: str, want: str) -> bool:
    return _switch(have) is not None and _switch(have) == _switch(want)


def _switch(text: str) -> bool | None:
    if text.lower() in _TRUE:
        return True
    return False if text.lower() in _FALSE else None


def _same_properties(have: str, want: str) -> bool:
    """Whether a property string already says all that is wanted.

    Proxmox VE adds what was left open (a MAC address, the size of a disk), so only what is wanted
    is compared. A volume that was to be made is there when the drive is on its storage.
    """
    if not any(mark in have + want for mark in ",=:"):
        return False
    current, new = _properties(have), _properties(want)
    return all(_same_property(current, key, value) for key, value in new.items())


def _same_property(current: t.Mapping[str, str], key: str, value: str) -> bool:
    if key == "":
        volume = _NEW_VOLUME.match(value)
        if volume:
            return current.get("", "").startswith(volume.group("storage") + ":")
        if value in current:  # ``virtio`` alone, read back as ``virtio=MAC``
            return _MAC.match(current[value]) is not None
    have = current.get(key)
    if have is None:
        return False
    return have.lower() == value.lower() or _same_switch(have, value)


def _properties(text: str) -> dict[str, str]:
    """``virtio=AA:BB,bridge=vmbr0`` as a dictionary; a value without a key has the key ``""``."""
    pairs: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        pairs[key.strip() if equals else ""] = (value if equals else key).strip()
    return pairs


def disk_size(config: t.Mapping[str, t.Any], disk: str) -> int | None:
    """The size of a disk in bytes as its configuration says, None where it does not."""
    return size_in_bytes(_properties(str(config.get(disk) or "")).get("size", ""))


def size_in_bytes(text: str) -> int | None:
    """``32G`` in bytes (``PVE::JSONSchema::parse_size``; binary units)."""
    match = re.match(r"(\d+(?:\.\d+)?)([KMGT]?)\Z", text)
    if match is None:
        return None
    return int(float(match.group(1)) * 1024 ** " KMGT".index(match.group(2) or " "))
