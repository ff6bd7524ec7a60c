# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the source of a clone."""

from __future__ import annotations

import typing as t

from ...api.answers import read_mapping
from ...api.errors import ApiError, Cause, NoAnswerError, UsageError
from ...guests.cluster import GUEST_TYPES, Node, as_vmid
from ...guests.reading import add_names
from ...operations.clone import CloneSource

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...guests.cluster import Cluster, Guest


async def find_source(
    api: Api, cluster: Cluster, reference: str, known: t.Iterable[CloneSource] = ()
) -> tuple[Cluster, CloneSource]:
    """The source with this VMID or name, and the cluster with the names that were read for it.

    ``known`` sources, which may have been named in another way, are not read again. UsageError if
    there is none.
    """
    by_vmid = {source.guest.vmid: source for source in known}
    if as_vmid(reference) is None:
        hinted = await _by_hint(api, cluster, reference, by_vmid)
        if hinted is not None:
            return cluster, hinted
        cluster = await add_names(api, cluster, GUEST_TYPES)
    guest = cluster.get(reference, "source")
    if guest.vmid in by_vmid:
        return cluster, by_vmid[guest.vmid]
    if not cluster.nodes.get(guest.node, Node(guest.node, online=True)).online:
        why = f"source: {guest.title} cannot be reached, its node is offline"
        return cluster, CloneSource(guest, why=why)
    try:
        config = await _config(api, guest)
    except NoAnswerError as error:
        why = f"source: {guest.title} cannot be reached: {error}"
        return cluster, CloneSource(guest, why=why)
    return cluster, CloneSource.read(guest, config)


def check_format(source: CloneSource, options: t.Mapping[str, t.Any]) -> None:
    """UsageError if the options of a clone have a format that does not apply."""
    if source.guest.type == "lxc" and "format" in options:
        raise UsageError(f"format: the clone of a container ({source.guest.title}) takes no format")


async def _by_hint(
    api: Api, cluster: Cluster, name: str, known: t.Mapping[int, CloneSource]
) -> CloneSource | None:
    """The source whose configuration has the name, without reading the lists of all nodes."""
    hinted = [guest for guest in cluster.guests.values() if guest.hint == name.strip()]
    if len(hinted) != 1:
        return None
    source = known.get(hinted[0].vmid)
    if source is not None:
        return source if source.guest.name == name.strip() else None
    try:
        config = await _config(api, hinted[0])
    except NoAnswerError:
        return None
    except ApiError as error:
        if error.cause is not Cause.GONE:
            raise
        return None
    source = CloneSource.read(hinted[0], config)
    return source if source.guest.name == name.strip() else None


async def _config(api: Api, guest: Guest) -> t.Mapping[str, t.Any]:
    return await read_mapping(api, ("nodes", guest.node, guest.type, guest.vmid, "config"))
