# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The members of a fleet, as the options describe them: each guest with all of its settings."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ...api.errors import UsageError
from ..creation.plan import GuestRequest, check_requests
from .settings import requested_config, wanted_disks

# The options of a guest, which the top level can set for all.
SETTINGS = (
    "type",
    "source",
    "ostemplate",
    "node",
    "full",
    "storage",
    "format",
    "pool",
    "description",
    "snapname",
    "bwlimit",
    "cores",
    "memory",
    "swap",
    "tags",
    "onboot",
    "ci_user",
    "ci_password",
    "ssh_public_keys",
    "password",
    "ipconfig",
    "nameserver",
    "searchdomain",
    "unprivileged",
    "features",
    "nics",
    "disks",
    "config",
    "params",
    "groups",
    "state",
)
_ORIGINS = ("source", "ostemplate")
# Dictionaries of a guest are merged over those for all, entry by entry; None removes one.
_MERGED = ("nics", "disks", "config", "params")
PRESENT, STARTED, STOPPED, ABSENT = "present", "started", "stopped", "absent"


@dataclass(frozen=True)
class Member:
    """One requested guest; ``settings`` holds its options, without unset ones.

    ``vmid`` is None if any free one will do. A member in state ``absent`` may have only a VMID.
    """

    name: str | None
    vmid: int | None
    settings: t.Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The name, or the VMID if there is none."""
        return self.name or str(self.vmid)

    @property
    def state(self) -> str:
        """``present``, ``started``, ``stopped`` or ``absent``."""
        return str(self.settings["state"])

    @property
    def type(self) -> str | None:
        """``qemu`` or ``lxc``; None if the source decides."""
        if self.settings.get("type") is not None:
            return str(self.settings["type"])
        if self.get("ostemplate"):
            return "lxc"
        return None if self.get("source") or self.state == ABSENT else "qemu"

    def get(self, name: str) -> t.Any:
        """A setting, None if unset."""
        return self.settings.get(name)


def read_members(params: t.Mapping[str, t.Any]) -> list[Member]:
    """The members: those of ``guests``, or ``count`` of a pattern.

    UsageError for invalid ones: without an identity, listed twice, with an invalid name or VMID,
    with two origins, or with a pattern without a placeholder for the number.
    """
    common = {name: params[name] for name in SETTINGS if params[name] is not None}
    members = [
        _member(one, _numbered(common, params, index)) for index, one in enumerate(_listed(params))
    ]
    check_requests([GuestRequest(one.vmid, one.name) for one in members], "name")
    for member in members:
        _check(member)
    return members


def _listed(params: t.Mapping[str, t.Any]) -> list[t.Mapping[str, t.Any]]:
    if params["guests"] is not None:
        return list(params["guests"])
    count, pattern, first = params["count"] or 0, params["name_pattern"], params["first"]
    if count < 0:
        raise UsageError(f"count: {count} is less than 0")
    if count > 1 and "%" not in pattern:
        raise UsageError(
            f"name_pattern: {count} guests need a placeholder for a number in {pattern!r},"
            " such as %02d"
        )
    start = params["vmid_start"]
    return [
        {
            "name": with_number(pattern, first + index, "name_pattern"),
            "vmid": None if start is None else start + index,
        }
        for index in range(count)
    ]


def _numbered(
    common: t.Mapping[str, t.Any], params: t.Mapping[str, t.Any], index: int
) -> dict[str, t.Any]:
    """The settings for all, with the number of a guest in place of the placeholders."""
    start = params["ipconfig_start"]
    number = (params["first"] if start is None else start) + index
    settings = dict(common)
    for name in ("ipconfig", "nics"):
        if name in settings:
            settings[name] = with_number(settings[name], number, name)
    return settings


def with_number(value: t.Any, number: int, option: str) -> t.Any:
    """A text, or each text in a dictionary or list, with its placeholder, if any, replaced."""
    if isinstance(value, t.Mapping):
        return {key: with_number(one, number, option) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_number(one, number, option) for one in value]
    if not isinstance(value, str) or "%" not in value:
        return value
    try:
        return value % number
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{option}: {value!r} needs one placeholder for a number, such as %02d: {error}"
        ) from error


def _member(one: t.Mapping[str, t.Any], common: t.Mapping[str, t.Any]) -> Member:
    own = {name: one[name] for name in SETTINGS if one.get(name) is not None}
    if any(name in own for name in _ORIGINS):  # it replaces the one for all
        common = {name: value for name, value in common.items() if name not in _ORIGINS}
    merged = {**common, **own}
    for name in _MERGED:
        if name in common and name in own:
            both = {**common[name], **own[name]}
            merged[name] = {key: value for key, value in both.items() if value is not None}
    return Member(one.get("name"), one.get("vmid"), merged)


def _check(member: Member) -> None:
    for name, value in member.settings.items():
        if isinstance(value, (list, tuple)) and any(one in (None, "") for one in value):
            raise UsageError(f"{name}: a list for {member.title} has an empty item")
    if member.state == ABSENT:
        return
    if member.get("source") and member.get("ostemplate"):
        raise UsageError(
            f"source: {member.title} has a source and an ostemplate; set only one of them"
        )
    if member.type == "qemu" and member.get("ostemplate"):
        raise UsageError(f"ostemplate: {member.title} is a VM; OS templates are for containers")
    if member.get("type") == "lxc" and not (member.get("ostemplate") or member.get("source")):
        raise UsageError(f"ostemplate: {member.title} is a container and needs an OS template")
    for name in ("nics", "disks"):
        _check_names(member, name)
    wanted_disks(member)
    requested_config(member, member.type or "qemu")


def _check_names(member: Member, option: str) -> None:
    for name in member.get(option) or {}:
        fits = name.startswith("net") if option == "nics" else not name.startswith("net")
        if not fits or (not str(name)[-1:].isdigit() and name != "rootfs"):
            example = "net0" if option == "nics" else "scsi0 or rootfs"
            raise UsageError(
                f"{option}: {name!r} of {member.title} is not a valid name, such as {example}"
            )
