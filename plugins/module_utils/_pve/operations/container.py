# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job that creates a container from an OS template."""

from __future__ import annotations

import re
import typing as t

from ..api.errors import UsageError
from ..guests.config import config_params
from ..guests.properties import as_text
from .creation import creation_job

if t.TYPE_CHECKING:
    from ..guests.cluster import Guest
    from .job import Job

# Options of the module whose names differ from the API's.
_API_NAMES = {"ssh_public_keys": "ssh-public-keys"}
_DEFAULT_STORAGE = "local"
_NET = re.compile(r"net\d+\Z")
_SIZE = re.compile(r"\d+(\.\d+)?(,.*)?\Z")
_WITH_UNIT = re.compile(r"([^:,]+:)?\d+(\.\d+)?[KMGTkmgt]i?[Bb]?(,.*)?\Z")


def container_job(
    target: Guest, params: t.Mapping[str, t.Any], timeout: float | None, *, movable: bool
) -> Job:
    """The job of one container; ``params`` are the API's, ``movable`` allows another VMID."""
    needs = (
        "Datastore.AllocateSpace on the storages and SDN.Use on the bridges; for a privileged"
        " container Sys.Modify on /"
    )
    return creation_job(target, params, _storage(params), timeout, needs=needs, movable=movable)


def container_params(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The parameters of ``POST /nodes/{node}/lxc`` for the options of the module.

    ``params`` may have any other parameter of the schema, but none that an option sets.
    """
    given = {name: value for name, value in options.items() if value is not None}
    extra = _extra(given.pop("params", {}))
    params: dict[str, t.Any] = {}
    for name, value in given.items():
        if name == "net":
            params.update(_nets(value))
        elif name == "features":
            params[name] = _properties(name, value)
        elif name == "rootfs":
            params[name] = _rootfs(str(value), given.get("storage"))
        elif name == "tags":
            params[name] = ";".join(value)
        elif name == "ssh_public_keys":
            params[_API_NAMES[name]] = _keys(value)
        else:
            params[name] = value
    twice = sorted(set(extra) & ({*params, "vmid", "hostname"}))
    if twice:
        raise UsageError(f"params: {twice[0]} is also set by an option of its own")
    return {**params, **config_params(extra, "lxc")}


def _extra(params: t.Any) -> dict[str, t.Any]:
    if not isinstance(params, t.Mapping):
        raise UsageError(f"params: {params!r} is not a dictionary of parameters")
    for name in params:
        if not isinstance(name, str) or not name.strip():
            raise UsageError(f"params: {name!r} is not the name of a parameter")
    return dict(params)


def _rootfs(value: str, storage: str | None) -> str:
    """The root file system with its storage: an API token may not pass just a size.

    The privilege check of Proxmox VE reads a bare number as a volume (``PVE::Storage``).
    """
    if _WITH_UNIT.match(value):
        raise UsageError(f"rootfs: {value!r}: the size is a number of GiB, without a unit")
    return f"{storage or _DEFAULT_STORAGE}:{value}" if _SIZE.match(value) else value


def _keys(value: t.Any) -> str:
    keys = [value] if isinstance(value, str) else value
    if not isinstance(keys, (list, tuple)) or not all(isinstance(key, str) for key in keys):
        raise UsageError("ssh_public_keys: set a list of keys, or a text with one key per line")
    return "\n".join(keys)


def _nets(value: t.Any) -> dict[str, str]:
    """``net0``, ``net1``, ... from one interface, a list of them, or a dictionary."""
    if isinstance(value, t.Mapping):
        if all(_NET.match(str(name)) for name in value):
            return {str(name): _net(str(name), net) for name, net in value.items()}
        return {"net0": _net("net0", value)}
    nets = value if isinstance(value, (list, tuple)) else [value]
    return {f"net{index}": _net(f"net{index}", net) for index, net in enumerate(nets)}


def _net(option: str, value: t.Any) -> str:
    if isinstance(value, t.Mapping):
        return _properties(option, value)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"net: {option}: {value!r} is not an interface")
    return value


def _properties(option: str, values: t.Mapping[str, t.Any]) -> str:
    """``{nesting: true, mount: [nfs, cifs]}`` as ``nesting=1,mount=nfs;cifs``."""
    try:
        return as_text(option, values, "lxc")
    except UsageError as error:
        raise UsageError(str(error).removeprefix("params: ")) from None


def _storage(params: t.Mapping[str, t.Any]) -> str | None:
    rootfs = str(params.get("rootfs") or "")
    if ":" in rootfs:
        return rootfs.split(":", 1)[0]
    return params.get("storage") or _DEFAULT_STORAGE
