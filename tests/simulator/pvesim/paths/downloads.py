# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that come to a storage: from the web, from a registry, or copied.

What is downloaded from a URL is fetched for real. The templates of the list and the images of
registries are not: their sizes are made up from the names. Source: `PVE/API2/Storage/Status.pm`,
`PVE/API2/Storage/Content.pm`, `PVE/API2/Nodes.pm` (apl_download).
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from urllib.parse import quote

from pvesim.appliances import BASE, TEMPLATES
from pvesim.calls import Call, CallError, call, parameter_error
from pvesim.durations import fraction
from pvesim.entities import Storage, Volume
from pvesim.fetching import Fetched, Unfetched, fetch, progress_lines, speed
from pvesim.guests import check_allowed
from pvesim.images import disk_size, problem, safe_name
from pvesim.volumes import find_storage, find_volume, storage_path, volume_format
from pvesim.worker import Died, Worker
from pvesim.world import World

FOLDER = {"iso": "template/iso", "vztmpl": "template/cache", "import": "import"}
SUFFIXES = {
    "iso": r"\.(?:iso|img)",
    "vztmpl": r"\.tar\.(?:gz|xz|zst|bz2)|\.tar",
    "import": r"\.(?:ova|ovf|qcow2|raw|vmdk)",
}
STEPS = 4


def task_id(name: str) -> str:
    """A file name as the id of a task: what the UPID cannot hold is percent-encoded."""
    keep = "".join(chr(n) for n in range(33, 127) if chr(n) not in ":%/")
    return quote(name, safe=keep)


def _target(world: World, call: Call, content: str, name: str) -> Storage:
    """The storage, if it takes such a file."""
    storage = find_storage(world, call.params["storage"], call.node)
    if content not in storage.content:
        text = f"storage '{storage.id}' is not configured for content-type '{content}'"
        raise CallError(500, text)
    if not re.search(rf"(?:{SUFFIXES[content]})$", name):
        wrong = "invalid filename or wrong extension"
        raise parameter_error(filename=wrong if content == "import" else "wrong file extension")
    return storage


def _path(storage: Storage, content: str, name: str) -> str:
    return f"{storage_path(storage)}/{FOLDER[content]}/{name}"


def _keep(
    world: World, call: Call, storage: Storage, content: str, name: str, size: int | None = None
) -> Volume:
    """The file is there now, with a size that is made up unless it is known."""
    volid = f"{storage.id}:{content}/{name}"
    if size is None:
        size = int((20 + 980 * fraction(world.seed, volid)) * (1 << 20))
    volume = Volume(volid, content, volume_format(volid), size, ctime=int(world.clock.now()))
    volume.node = None if storage.shared else call.node
    old = find_volume(world, volid, call.node)
    if old is not None:
        storage.volumes.remove(old)
    storage.volumes.append(volume)
    return volume


async def _wget(worker: Worker, url: str, path: str) -> None:
    """The download with the progress that wget prints."""
    worker.log(f"downloading {url} to {path}")
    worker.log(f"--  {url}")
    worker.log("HTTP request sent, awaiting response... 200 OK")
    for step in range(1, STEPS + 1):
        await worker.work(1 / STEPS)
        done = 32768 * step
        worker.log(f" {done}K ........ ........ ........ ........ {step * 100 // STEPS}%  123M 1s")
    worker.log(f"download of '{url}' to '{path}' finished")


async def _download(worker: Worker, call: Call, path: str) -> Fetched:
    """Fetch the URL of a call and look at the checksum, with what is printed."""
    url, params = str(call.params["url"]), call.params
    worker.log(f"--{_stamp(worker)}--  {url}")
    algorithm = params.get("checksum-algorithm")
    try:
        fetched = await worker.outside(
            fetch(
                url,
                str(algorithm) if algorithm else None,
                proxy=worker.world.options.get("http_proxy"),
                verify=bool(params.get("verify-certificates", 1)),
            )
        )
    except Unfetched as exc:
        for line in exc.lines:
            worker.log(f"{_stamp(worker)} {line}" if line.startswith("ERROR") else line)
        raise Died(str(exc)) from exc
    temporary = f"{path}.tmp_dwnl.{worker.task.upid.pid}"
    for line in progress_lines(url, temporary, fetched):
        worker.log(line)
    await worker.work()
    saved = f"saved [{fetched.size}/{fetched.size}]"
    worker.log(f"{_stamp(worker)} ({speed(fetched)}) - '{temporary}' {saved}")
    if algorithm:
        wanted = str(params["checksum"])
        if fetched.checksum != wanted.lower():
            worker.log("calculating checksum...")
            raise Died(f"checksum mismatch: got '{fetched.checksum}' != expect '{wanted}'")
        worker.log("calculating checksum...OK, checksum verified")
    worker.log(f"download of '{url}' to '{path}' finished")
    return fetched


def _stamp(worker: Worker) -> str:
    """The time as wget prints it."""
    return f"{datetime.fromtimestamp(worker.now(), tz=timezone.utc):%Y-%m-%d %H:%M:%S}"


@call("POST", "/nodes/{node}/storage/{storage}/download-url")
async def download_url(world: World, call: Call) -> str:
    """Fetch a file from the web; one that is there is not overwritten."""
    content, name = str(call.params["content"]), safe_name(str(call.params["filename"]))
    storage = _target(world, call, content, name)
    volid, path = f"{storage.id}:{content}/{name}", _path(storage, content, name)
    if ("checksum" in call.params) != ("checksum-algorithm" in call.params):
        missing = "checksum" if "checksum-algorithm" in call.params else "checksum-algorithm"
        raise parameter_error(**{missing: "missing parameter"})

    async def work(worker: Worker) -> None:
        if call.params.get("compression") and content != "iso":
            raise Died(f"decompression not supported for {content}")
        worker.log(f"downloading {call.params['url']} to {path}")
        if find_volume(world, volid, call.node) is not None:
            raise Died(f"refusing to override existing file '{path}'")
        fetched = await _download(worker, call, path)
        form = volume_format(volid)
        if content == "import" and (wrong := problem(form, fetched.head, path)) is not None:
            raise Died(f"failed to verify file: {wrong}")
        volume = _keep(world, call, storage, content, name, fetched.size)
        if content == "import":
            volume.disk_size = disk_size(form, fetched.head, fetched.size)

    return world.tasks.start(call.node, call.caller.authid, "download", task_id(name), work)


@call("POST", "/nodes/{node}/aplinfo")
async def fetch_template(world: World, call: Call) -> str:
    """Fetch an OS template of the list."""
    name = str(call.params["template"])
    if name not in TEMPLATES or not world.nodes[call.node].pveam:
        raise parameter_error(template="no such template")
    storage = _target(world, call, "vztmpl", name)
    url = f"{BASE}/{name}"

    async def work(worker: Worker) -> None:
        if find_volume(world, f"{storage.id}:vztmpl/{name}", call.node) is not None:
            worker.log("OK, got correct file already, no need to re-download")
            return
        await _wget(worker, url, _path(storage, "vztmpl", name))
        worker.log("calculating checksum...OK, checksum verified")
        _keep(world, call, storage, "vztmpl", name)

    return world.tasks.start(call.node, call.caller.authid, "download", task_id(name), work)


@call("POST", "/nodes/{node}/storage/{storage}/oci-registry-pull")
async def pull(world: World, call: Call) -> str:
    """Fetch a container image from a registry."""
    reference = str(call.params["reference"])
    plain = reference.rpartition("/")[2].replace(":", "_")
    name = f"{call.params.get('filename') or plain}.tar"
    storage = _target(world, call, "vztmpl", name)

    async def work(worker: Worker) -> None:
        path = _path(storage, "vztmpl", name)
        if find_volume(world, f"{storage.id}:vztmpl/{name}", call.node) is not None:
            raise Died(f"refusing to override existing file '{path}'")
        worker.log(f"pulling {reference} to {path}")
        await worker.work()
        _keep(world, call, storage, "vztmpl", name)

    return world.tasks.start(call.node, call.caller.authid, "ociregistrypull", task_id(name), work)


@call("POST", "/nodes/{node}/storage/{storage}/content/{volume}")
async def copy(world: World, call: Call) -> str:
    """Copy a volume to another name, on this node or another."""
    name = str(call.params["volume"])
    volid = name if ":" in name else f"{call.params['storage']}:{name}"
    target = str(call.params["target"])
    if ":" not in target:
        target = f"{call.params['storage']}:{target}"
    find_storage(world, volid.partition(":")[0], call.node)
    node = str(call.params.get("target_node", call.node))
    storage = find_storage(world, target.partition(":")[0], node)
    check_allowed(call, f"/storage/{storage.id}", "Datastore.AllocateSpace")

    async def work(worker: Worker) -> None:
        source = find_volume(world, volid, worker.node)
        if source is None:
            raise Died(f"volume '{volid}' does not exist")
        if find_volume(world, target, node) is not None:
            raise Died(f"volume '{target}' already exists")
        worker.log(f"DEBUG: starting worker {worker.task.upid}")
        await worker.work()
        copied = Volume(target, source.content, source.format, source.size, source.vmid)
        copied.node, copied.ctime = None if storage.shared else node, int(world.clock.now())
        storage.volumes.append(copied)
        worker.log(f"DEBUG: end worker {worker.task.upid}")

    return world.tasks.start(call.node, call.caller.authid, "imgcopy", "", work)
