# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The templates that are wanted: one on each node, or one for the cluster, and what is there."""

from __future__ import annotations

import asyncio
import typing as t
from dataclasses import dataclass, field

from ...api.answers import read_mapping, read_rows
from ...api.errors import ApiError, Cause, PveError, UsageError
from ...guests.selector import EVERY
from .image import created_at, identity_of

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...guests.cluster import Cluster, Guest
    from ..context import Context
    from .image import Image

_NODE = "{node}"


@dataclass(frozen=True)
class Marked:
    """A VM with a mark of its own: ``identity`` is that of its image, ``created`` in seconds."""

    guest: Guest
    identity: str
    created: int


@dataclass
class Target:
    """A template that is wanted on ``node``.

    ``have`` is it, ``begun`` a VM of an interrupted call that is to become it, and ``old`` are
    those of other images, the newest first. ``refusal`` says why it cannot be made. ``image`` is
    the volume of the image, which is ``there`` or not, and ``shared`` with the other nodes.
    ``vmid`` is chosen for a new VM. Of the old ones ``surplus`` are to go, ``kept`` are to stay,
    by VMID with the reason, and ``stuck`` are those of the surplus of which check mode finds that
    they cannot go.
    """

    node: str
    name: str
    image: str
    have: Guest | None = None
    begun: Guest | None = None
    old: tuple[Guest, ...] = ()
    refusal: str = ""
    there: bool = False
    shared: bool = False
    vmid: int | None = None
    surplus: tuple[Guest, ...] = ()
    kept: dict[int, str] = field(default_factory=dict)
    stuck: dict[int, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """``debian-13 on pve1``."""
        return f"{self.name} on {self.node}"

    @property
    def guest(self) -> Guest | None:
        """The template or the VM that is to become it, None if there is neither."""
        return self.have or self.begun


async def find_targets(context: Context, image: Image, cluster: Cluster) -> list[Target]:
    """The wanted templates with what is there of them; UsageError for impossible options."""
    params = context.params
    volume = f"{params['image_storage']}:import/{image.file}"
    if not params["nodes"]:
        return [await _anywhere(context, image, volume, cluster)]
    names = list(dict.fromkeys(params["nodes"]))
    if EVERY in names:
        names = [node.name for node in cluster.nodes.values() if node.online]
    for name in names:
        if name not in cluster.nodes:
            cluster.node(name, "nodes")
    targets = [Target(node, name_on(params["name"], node), volume) for node in names]
    return list(await asyncio.gather(*(_on_node(context, image, one, cluster) for one in targets)))


def name_on(name: str, node: str) -> str:
    """The name of the template of a node."""
    return name.replace(_NODE, node)


async def _on_node(context: Context, image: Image, target: Target, cluster: Cluster) -> Target:
    """The template of one node; a problem of it does not concern the others."""
    if not cluster.nodes[target.node].online:
        target.refusal = f"node {target.node} is offline"
        return target
    if (target.node, "qemu") in cluster.unread:
        target.refusal = f"node {target.node} did not list its VMs"
        return target
    try:
        await look(context.api, image, target, cluster, everywhere=False)
        storages = await _storages(context.api, target.node)
        _use(context, target, storages)
        await _see_image(context.api, target)
    except PveError as error:
        target.refusal = str(error)
    return target


async def _anywhere(context: Context, image: Image, volume: str, cluster: Cluster) -> Target:
    """The one template of the cluster, on the first node that has the storages."""
    params, online = context.params, [n.name for n in cluster.nodes.values() if n.online]
    if _NODE in params["name"]:
        raise UsageError(f"name: {_NODE} means nothing without nodes")
    if not online:
        raise PveError("no node of the cluster is online, or none may be seen")
    target = Target(online[0], params["name"], volume)
    await look(context.api, image, target, cluster, everywhere=True)
    if target.guest is None:
        cluster.check_absent(target.name, "name", "qemu")
    else:
        target.node = target.guest.node
        online = [target.node]
    tried = [Target(node, target.name, volume) for node in online]
    reasons = []
    for one in tried:
        storages = await _storages(context.api, one.node)
        _use(context, one, storages)
        disks = storages.get(params["storage"], {})
        if len(cluster.nodes) > 1 and not one.refusal and not _is_set(disks, "shared"):
            raise UsageError(
                f"storage: {params['storage']!r} is not shared; set nodes to the nodes that are to"
                " have a template of their own"
            )
        if not one.refusal:
            break
        reasons.append(one.refusal)
    target.node, target.shared = one.node, one.shared
    if one.refusal and not (target.refusal or target.have):
        target.refusal = "; ".join(reasons)
    await _see_image(context.api, target)
    return target


async def look(
    api: Api, image: Image, target: Target, cluster: Cluster, *, everywhere: bool
) -> None:
    """Find the VMs of this name and what they are, by their own configurations."""
    named = [
        guest
        for guest in cluster.named(target.name)
        if guest.type == "qemu" and (everywhere or guest.node == target.node)
    ]
    read = await asyncio.gather(*(_marked(api, guest) for guest in named))
    marked = sorted(
        (one for one in read if isinstance(one, Marked)),
        key=lambda one: (one.guest.template, one.created, one.guest.vmid),
        reverse=True,
    )
    foreign = [one for one in read if one is not None and not isinstance(one, Marked)]
    if foreign:
        raise PveError(
            f"{foreign[0].title} has this name and was not made by this module (its notes have no"
            f" line {image.mark(foreign[0].vmid).rsplit(' ', 1)[0]} ...); it is not changed"
        )
    same = [one.guest for one in marked if one.identity == image.identity]
    target.have = next((one for one in same if one.template), None)
    target.begun = None if target.have else next(iter(same), None)
    target.old = tuple(one.guest for one in marked if one.guest != target.guest)
    if target.begun is not None and (target.begun.running or target.begun.lock):
        why = f"locked ({target.begun.lock})" if target.begun.lock else "running"
        target.refusal = f"{target.begun.title} is to become the template, but it is {why}"


async def _marked(api: Api, guest: Guest) -> Marked | Guest | None:
    """The VM with its mark, the VM alone if it has none, None if it has gone."""
    try:
        config = await read_mapping(api, ("nodes", guest.node, "qemu", guest.vmid, "config"))
    except ApiError as error:
        if error.cause is not Cause.GONE:
            raise
        return None
    identity = identity_of(config, guest.vmid)
    return guest if identity is None else Marked(guest, identity, created_at(config))


async def _storages(api: Api, node: str) -> dict[str, t.Mapping[str, t.Any]]:
    """The storages of a node that may be seen, by name."""
    rows = await read_rows(api, ("nodes", node, "storage"))
    return {str(row.get("storage")): row for row in rows}


def _use(context: Context, target: Target, storages: t.Mapping[str, t.Mapping[str, t.Any]]) -> None:
    """Note whether the image is shared, and refuse a storage that cannot be used."""
    wanted = (("image_storage", "import"), ("storage", "images"))
    target.shared = _is_set(storages.get(context.params["image_storage"], {}), "shared")
    if target.have is not None or target.refusal:
        return
    for option, content in wanted:
        name = context.params[option]
        row = storages.get(name)
        if row is None:
            target.refusal = (
                f"{option}: node {target.node} has no storage {name!r}, or Datastore.Audit on"
                f" /storage/{name} is missing"
            )
        elif str(row.get("active", 1)) != "1":
            target.refusal = f"{option}: storage {name!r} is not active on node {target.node}"
        elif content not in str(row.get("content") or "").split(","):
            target.refusal = (
                f"{option}: storage {name!r} does not take content {content!r}, only"
                f" {row.get('content')}; add it in the settings of the storage"
            )
        if target.refusal:
            return


def _is_set(row: t.Mapping[str, t.Any], name: str) -> bool:
    return str(row.get(name) or 0) == "1"


async def _see_image(api: Api, target: Target) -> None:
    if not target.refusal:
        target.there = await has_image(api, target.node, target.image)


async def has_image(api: Api, node: str, volume: str) -> bool:
    """Whether the image is on its storage, as this node sees it."""
    storage = volume.split(":", 1)[0]
    path = ("nodes", node, "storage", storage, "content")
    try:
        rows = await read_rows(api, path, {"content": "import"})
    except ApiError as error:
        if error.cause is Cause.GONE:
            return False
        raise
    return any(row.get("volid") == volume for row in rows)
