# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a template: download, create, resize, convert, and the removal of older ones.

Each reads what it needs when it is due, so an interrupted call is completed by the next one.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ...api.errors import PveError
from ...engine.chains import Chain, ChainResult, ChainStep
from ...guests.cluster import Guest
from ...guests.config import config_params, read_configuration
from ...guests.reading import read_cluster
from ...guests.vmids import LOWEST_VMID
from ...operations.catalog import OPERATIONS
from ...operations.guest import guest_job, place_job
from ...operations.job import Job, Unneeded, readdressing
from ...operations.lane import Lane
from ...operations.vm import vm_job
from ...tasks.listing import list_tasks
from ...tasks.types import default_wait_timeout
from ..parameters import Planned
from .image import identity_of
from .surplus import check_surplus, needs_growth
from .targets import Target, has_image, look

if t.TYPE_CHECKING:
    from ...api.client import Api
    from ...guests.config import Configuration
    from ..context import Context
    from ..machine import Engine
    from .image import Image

DISK = "scsi0"
_CREATION = "qmcreate"


@dataclass
class Steps:
    """Makes the steps of targets."""

    context: Context
    image: Image

    def chain(self, machine: Engine, target: Target, download: Job | None) -> Chain | None:
        """What is to be done, None if that is nothing; ``download`` is needed for a new VM."""
        steps = [] if download is None else [ChainStep("download", job=download)]
        if target.guest is None:
            steps.append(self._create(machine, target))
        if target.have is None:
            if self.context.params["disk_gib"] is not None:
                steps.append(self._resize(target))
            steps.append(self._convert(target))
        steps += [self._remove(guest) for guest in target.surplus]
        vmid = target.vmid or (target.guest.vmid if target.guest else 0)
        guest = target.guest or Guest(vmid, "qemu", target.node, target.name)
        return Chain(guest, tuple(steps)) if steps else None

    def calls(self, target: Target) -> list[Planned]:
        """The calls whose parameters depend on options, to be checked beforehand."""
        guest = Guest(LOWEST_VMID, "qemu", target.node, target.name)
        jobs = [self.download(target), self.creation(guest)]
        if self.context.params["disk_gib"] is not None:
            jobs.append(self._growth(guest))
        return [Planned.of(target.title, job) for job in jobs]

    def download(self, target: Target) -> Job:
        """The job that downloads the image; of several for one storage only the first does."""
        params = self.context.params
        options: dict[str, t.Any] = {
            "url": self.image.url,
            "content": "import",
            "filename": self.image.file,
        }
        if self.image.algorithm is not None:
            options["checksum-algorithm"] = self.image.algorithm
            options["checksum"] = self.image.checksum
        if not params["verify_certificates"]:
            options["verify-certificates"] = 0
        storage, timeout = params["image_storage"], params["wait_timeout"]
        job = place_job(OPERATIONS["download_url"], target.node, storage, options, timeout)

        async def recheck(api: Api) -> None:
            if await has_image(api, target.node, target.image):
                raise Unneeded("already downloaded")

        place = "" if target.shared else f" of {target.node}"
        own = Lane(f"image {target.image}{place}", exclusive=True)
        return replace(job, lanes=(own, *job.lanes), recheck=recheck)

    def creation(self, guest: Guest) -> Job:
        """The job that creates the VM, with its mark; another VMID gets another mark."""
        storage, timeout = self.context.params["storage"], self.context.params["wait_timeout"]
        job = vm_job(guest, self._options(guest.vmid), storage, timeout, movable=False)
        return replace(job, readdress=readdressing(self.creation, guest))

    def _options(self, vmid: int) -> dict[str, t.Any]:
        """The options of the VM; those of the user replace ours, and a null removes one."""
        params = self.context.params
        source = f"{params['image_storage']}:import/{self.image.file}"
        extra = f",{params['disk_options']}" if params["disk_options"] else ""
        about = [params["description"], self.image.mark(vmid)]
        options = {
            "ostype": "l26",
            "cores": params["cores"],
            "memory": params["memory"],
            "cpu": params["cpu"],
            "agent": "enabled=1",
            "scsihw": "virtio-scsi-single",
            "net0": f"virtio,bridge={params['bridge']}",
            "ide2": f"{params['storage']}:cloudinit",
            "boot": f"order={DISK}",
            "serial0": "socket",
            "vga": "serial0",
            "pool": params["pool"],
            "tags": params["tags"] or None,
            **(params["config"] or {}),
            DISK: f"{params['storage']}:0,import-from={source}{extra}",
            "description": "\n\n".join(filter(None, about)),
        }
        return config_params(options, "qemu")

    def _create(self, machine: Engine, target: Target) -> ChainStep:
        async def prepare(_before: ChainResult) -> Job:
            await _wait_for_own(machine, target.node)
            await self._look_again(target)
            return self.creation(
                Guest(t.cast("int", target.vmid), "qemu", target.node, target.name)
            )

        return ChainStep("create", prepare=prepare)

    async def _look_again(self, target: Target) -> None:
        """Unneeded if another call has created the VM in the meantime."""
        everywhere = not self.context.params["nodes"]
        cluster = await read_cluster(self.context.api, ("qemu",))
        now = Target(target.node, target.name, target.image)
        await look(self.context.api, self.image, now, cluster, everywhere=everywhere)
        if now.refusal:
            raise PveError(now.refusal)
        if now.guest is not None:
            target.have, target.begun = now.have, now.begun
            raise Unneeded(f"{now.guest.title} was created in the meantime, not by this call")

    def _resize(self, target: Target) -> ChainStep:
        async def prepare(before: ChainResult) -> Job:
            guest = target.guest or before.target
            config = await self._own(self.context.api, guest)
            is_template = str(config.values.get("template") or 0) == "1"
            if is_template or not needs_growth(config, DISK, self.context.params["disk_gib"]):
                raise Unneeded("already large enough")
            return self._still_own(self._growth(guest))

        return ChainStep("resize", prepare=prepare)

    async def _own(self, api: Api, guest: Guest) -> Configuration:
        """The configuration of the VM that becomes the template; PveError if it is another one."""
        config = await read_configuration(api, guest)
        named = config.values.get("name") == guest.name
        if not named or identity_of(config.values, guest.vmid) != self.image.identity:
            raise PveError(
                f"VMID {guest.vmid} is no longer the VM that is to become the template; it is not"
                " changed"
            )
        return config

    def _still_own(self, job: Job) -> Job:
        async def recheck(api: Api) -> None:
            await self._own(api, job.target)

        return replace(job, recheck=recheck)

    def _growth(self, guest: Guest) -> Job:
        params = self.context.params
        size = {"disk": DISK, "size": f"{params['disk_gib']}G"}
        return guest_job(OPERATIONS["resize"], guest, size, params["wait_timeout"])

    def _convert(self, target: Target) -> ChainStep:
        async def prepare(before: ChainResult) -> Job:
            guest = target.guest or before.target
            config = await self._own(self.context.api, guest)
            if str(config.values.get("template") or 0) == "1":
                raise Unneeded("already a template")
            if DISK not in config.values:
                raise PveError(f"{guest.title} has no disk {DISK}; remove it and try again")
            timeout = self.context.params["wait_timeout"]
            return self._still_own(guest_job(OPERATIONS["template"], guest, {}, timeout))

        return ChainStep("convert", prepare=prepare)

    def _remove(self, guest: Guest) -> ChainStep:
        async def recheck(api: Api) -> None:
            await check_surplus(api, guest)

        async def prepare(_before: ChainResult) -> Job:
            await check_surplus(self.context.api, guest)
            # By its disks it is seen afterwards that they are gone.
            before = await read_configuration(self.context.api, guest)
            timeout = self.context.params["wait_timeout"]
            job = guest_job(OPERATIONS["delete"], guest, {"purge": 1}, timeout)
            return replace(job, recheck=recheck, before=before)

        return ChainStep(f"remove {guest.vmid}", prepare=prepare)

    def image_removal(self, target: Target) -> Job:
        """The job that removes the downloaded image."""
        storage, timeout = self.context.params["image_storage"], self.context.params["wait_timeout"]
        params = {"volume": target.image}
        return place_job(OPERATIONS["delete_volume"], target.node, storage, params, timeout)


async def _wait_for_own(machine: Engine, node: str) -> None:
    """Wait for VMs that the caller is already creating there: until then they have no name.

    One of them may be that of an interrupted call.
    """
    api = machine.context.api
    filters = {"source": "active", "typefilter": _CREATION}
    for entry in await list_tasks(api, node, filters, retries=None):
        if entry.status is None and entry.upid.user == api.authid:
            await machine.watch(entry.upid, default_wait_timeout(_CREATION))
