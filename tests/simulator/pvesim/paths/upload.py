# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Uploading ISO images, OS templates and disk images (`PVE/API2/Storage/Status.pm`)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.entities import Storage, Volume
from pvesim.images import disk_size, problem, safe_name
from pvesim.upload import Upload
from pvesim.volumes import FILE_TYPES, find_storage, storage_path, volume_format
from pvesim.worker import Died, Worker
from pvesim.world import World

EXTENSIONS: Mapping[str, re.Pattern[str]] = {
    "iso": re.compile(r".+\.(?:iso|img)", re.IGNORECASE),
    "vztmpl": re.compile(r".+\.tar\.(?:gz|xz|zst|bz2)", re.IGNORECASE),
    "import": re.compile(r"[A-Za-z0-9.+=_-]+\.(?:ova|qcow2|raw|vmdk)"),
}
"""How a file of this format begins."""
FOLDERS = {"iso": "template/iso", "vztmpl": "template/cache", "import": "import"}


@call("POST", "/nodes/{node}/storage/{storage}/upload")
async def upload(world: World, call: Call) -> str:
    """Copy a file that came with the request to a storage; the task runs where it came in."""
    target = str(call.params["node"])
    target = call.node if target == "localhost" else target
    storage = find_storage(world, call.params["storage"], target)
    if storage.type not in FILE_TYPES:
        raise CallError(500, f"can't upload to storage type '{storage.type}'")
    name = call.params.get("tmpfilename")
    if name is None:
        raise CallError(500, "missing temporary file name")
    file = world.uploads.get(name)
    if file is None:
        raise CallError(500, f"temporary file '{name}' does not exist")
    volume = _volume(world, call, storage, file)

    async def work(worker: Worker) -> None:
        worker.log(f"starting file import from: {file.tmpfilename}")
        _verify(worker, call, file)
        _check_image(volume, file)
        await worker.work()
        path = storage_path(storage)
        folder, base = FOLDERS[volume.content], volume.volid.rpartition("/")[2]
        destination = f"{path}/{folder}/{base}"
        worker.log(f"target node: {target}")
        worker.log(f"target file: {destination}")
        worker.log(f"file size is: {file.size}")
        worker.log(f"command: cp -- {file.tmpfilename} {destination}")
        volume.node = None if storage.shared else target
        volume.ctime = int(world.clock.now())
        # A file of this name is overwritten.
        storage.volumes[:] = [
            other
            for other in storage.volumes
            if (other.volid, other.node) != (volume.volid, volume.node)
        ]
        storage.volumes.append(volume)
        worker.log("finished file import successfully")

    return world.tasks.start(call.node, call.caller.authid, "imgcopy", "", work)


def _volume(world: World, call: Call, storage: Storage, file: Upload) -> Volume:
    """The volume that the file becomes; raises CallError for a name or content that will not do."""
    content = str(call.params["content"])
    name = safe_name(str(call.params["filename"]))
    if not EXTENSIONS[content].fullmatch(name):
        wrong = "invalid filename or wrong extension"
        raise parameter_error(filename=wrong if content == "import" else "wrong file extension")
    if content not in storage.content:
        raise CallError(500, f"storage '{storage.id}' does not support '{content}' content")
    volid = f"{storage.id}:{content}/{name}"
    made = Volume(volid, content, volume_format(volid), file.size, ctime=int(world.clock.now()))
    if content == "import":
        made.disk_size = disk_size(made.format, file.head, file.size)
    return made


def _verify(worker: Worker, call: Call, file: Upload) -> None:
    """Compare the checksum if one is given."""
    algorithm = call.params.get("checksum-algorithm")
    if algorithm is None:
        return
    wanted, got = str(call.params["checksum"]), file.checksums[str(algorithm)]
    if got.lower() != wanted.lower():
        worker.log("calculating checksum...")
        raise Died(f"checksum mismatch: got '{got}' != expect '{wanted}'")
    worker.log("calculating checksum...OK, checksum verified")


def _check_image(volume: Volume, file: Upload) -> None:
    """An image to import has to be what its name says, as far as qemu-img would see it."""
    wrong = problem(volume.format, file.head, file.tmpfilename)
    if volume.content == "import" and wrong is not None:
        raise Died(wrong)
