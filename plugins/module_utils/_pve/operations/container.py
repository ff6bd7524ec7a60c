# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The creation of a container from an OS template: what is special about it."""

from __future__ import annotations

import typing as t

from ..errors import UsageError
from ..lanes import Lane
from ..task_types import default_wait_timeout
from .job import Job, Target, common_lanes, readdressing

# Options of the module whose names differ from the API's.
_API_NAMES = {"ssh_public_keys": "ssh-public-keys"}
_TASK_TYPE = "vzcreate"


def container_job(
    target: Target, params: t.Mapping[str, t.Any], timeout: float | None, *, movable: bool
) -> Job:
    """The job of one container; ``params`` are the API's, ``movable`` allows another VMID."""
    storage = _storage(params)
    return Job(
        title=f"creation of {target.title}",
        target=target,
        node=target.node,
        method="POST",
        path=("nodes", target.node, "lxc"),
        params={"vmid": target.vmid, "hostname": target.name, **params},
        task_type=_TASK_TYPE,
        task_id=str(target.vmid),
        timeout=default_wait_timeout(_TASK_TYPE) if timeout is None else timeout,
        lanes=(Lane(f"vmid {target.vmid}", exclusive=True), *common_lanes(target.node, storage)),
        repeatable=True,
        storage=storage,
        needs=(
            f"VM.Allocate on /vms/{target.vmid} or on /pool/..., Datastore.AllocateSpace on the "
            "storages and SDN.Use on the bridges; for a privileged container Sys.Modify on /"
        ),
        readdress=readdressing(
            lambda other: container_job(other, params, timeout, movable=True), target
        )
        if movable
        else None,
    )


def container_params(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The parameters of ``POST /nodes/{node}/lxc`` for the options of the module.

    ``params`` may hold any other parameter of the schema, but none that an option sets.
    """
    given = {name: value for name, value in options.items() if value is not None}
    extra = given.pop("params", {})
    params: dict[str, t.Any] = {}
    for name, value in given.items():
        if name == "net":
            params.update(_nets(value))
        elif name == "features":
            params[name] = property_string(value)
        elif name == "tags":
            params[name] = ";".join(value)
        elif name == "ssh_public_keys":
            params[_API_NAMES[name]] = "\n".join([value] if isinstance(value, str) else value)
        else:
            params[name] = value
    twice = sorted(set(extra) & ({*params, "vmid", "hostname"}))
    if twice:
        raise UsageError(f"params: {twice[0]} is set by an option of its own as well")
    return {**params, **{name: _scalar(value) for name, value in extra.items()}}


def property_string(values: t.Mapping[str, t.Any]) -> str:
    """``{nesting: true, mount: nfs}`` as ``nesting=1,mount=nfs``."""
    return ",".join(f"{name}={_scalar(value)}" for name, value in values.items())


def _nets(value: t.Any) -> dict[str, str]:
    """``net0``, ``net1``, ... from one interface, a list of them, or a dictionary."""
    if isinstance(value, t.Mapping):
        if all(str(name).startswith("net") for name in value):
            return {str(name): _net(net) for name, net in value.items()}
        return {"net0": _net(value)}
    nets = value if isinstance(value, (list, tuple)) else [value]
    return {f"net{index}": _net(net) for index, net in enumerate(nets)}


def _net(value: t.Any) -> str:
    return property_string(value) if isinstance(value, t.Mapping) else str(value)


def _scalar(value: t.Any) -> t.Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, t.Mapping):
        return property_string(value)
    if isinstance(value, (list, tuple)):
        return ",".join(str(_scalar(item)) for item in value)
    return value


def _storage(params: t.Mapping[str, t.Any]) -> str | None:
    rootfs = str(params.get("rootfs") or "")
    if ":" in rootfs:
        return rootfs.split(":", 1)[0]
    return params.get("storage") or "local"
