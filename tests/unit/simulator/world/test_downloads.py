# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that come to a storage."""

from __future__ import annotations

import hashlib
import re
import socket
from typing import Any

import pytest

from .conftest import CONTENT

URL = "https://cloud.example/debian-13.iso"
LOG = """\
downloading {url} to {path}
--TIME--  {url}
Connecting to {host}... connected.
HTTP request sent, awaiting response... 200 OK
Length: 70000 (68K) [application/octet-stream]
Saving to: '{path}.TEMPORARY'
     0K                                    100%  SPEED
TIME (SPEED) - '{path}.TEMPORARY' saved [70000/70000]
download of '{url}' to '{path}' finished
TASK OK"""
SHA256 = hashlib.sha256(CONTENT).hexdigest()


async def content(cell: Any, kind: str, node: str = "pve1") -> list[str]:
    """The volume ids of a content type on `local`."""
    entries = await cell.call("GET", "storage/local/content", {"content": kind}, node=node)
    return [entry["volid"] for entry in entries]


async def test_a_file_is_fetched_once(cell: Any, web: str) -> None:
    url = f"{web}/debian-13.iso"
    params = {"content": "iso", "filename": "debian-13.iso", "url": url}
    upid = await cell.call("POST", "storage/local/download-url", params)
    assert ":download:debian-13.iso:" in upid
    assert await cell.end(upid) == "OK"
    path = "/var/lib/vz/template/iso/debian-13.iso"
    text = "\n".join(cell.task(upid).lines)
    for pattern, shape in (
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
        (r"[\d.]+ [KMG]B/s", "SPEED"),
        (r"[\d.]+[KMG]=[\d.e-]+s", "SPEED"),
        (r"tmp_dwnl\.\d+", "TEMPORARY"),
    ):
        text = re.sub(pattern, shape, text)
    assert text == LOG.format(url=url, host=web.removeprefix("http://"), path=path)
    (volume,) = [v for v in cell.world.storages["local"].volumes if v.content == "iso"]
    assert volume.size == len(CONTENT)
    assert await content(cell, "iso") == ["local:iso/debian-13.iso"]
    assert await content(cell, "iso", "pve2") == []
    lines = await cell.lines("POST", "storage/local/download-url", params)
    refusal = f"TASK ERROR: refusing to override existing file '{path}'"
    assert lines == [f"downloading {url} to {path}", refusal]


@pytest.mark.parametrize("wanted", [SHA256, "0" * 64], ids=["right", "wrong"])
async def test_the_checksum_is_that_of_what_came(cell: Any, web: str, wanted: str) -> None:
    params = {"content": "iso", "filename": "x.iso", "url": f"{web}/x.iso"}
    params |= {"checksum": wanted, "checksum-algorithm": "sha256"}
    ended = await cell.done("POST", "storage/local/download-url", params)
    wrong = f"checksum mismatch: got '{SHA256}' != expect '{wanted}'"
    assert ended == ("OK" if wanted == SHA256 else wrong)
    assert len(await content(cell, "iso")) == (wanted == SHA256)


async def test_a_file_that_is_not_there_is_not_downloaded(cell: Any, web: str) -> None:
    params = {"content": "iso", "filename": "x.iso", "url": f"{web}/missing.iso"}
    lines = await cell.lines("POST", "storage/local/download-url", params)
    assert lines[2:4] == [
        f"Connecting to {web.removeprefix('http://')}... connected.",
        "HTTP request sent, awaiting response... 404 Not Found",
    ]
    assert lines[4].endswith("ERROR 404: Not Found.")
    assert lines[5:] == ["TASK ERROR: download failed: exit code 8"]
    assert await content(cell, "iso") == []


async def test_a_server_that_is_not_there_ends_a_download(cell: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host = f"127.0.0.1:{taken.getsockname()[1]}"
    params = {"content": "iso", "filename": "x.iso", "url": f"http://{host}/x.iso"}
    ended = await cell.done("POST", "storage/local/download-url", params)
    assert ended == f"download failed: Connecting to {host}... failed: Connection refused."


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"storage": "ceph", "content": "import", "filename": "x.qcow2"},
         "storage 'ceph' is not configured for content-type 'import'"),
        ({"content": "iso", "filename": "x.txt"}, "Parameter verification failed."),
        ({"content": "iso", "filename": "x.iso", "checksum": "0"},
         "Parameter verification failed."),
    ],
)  # fmt: skip
async def test_a_download_refuses_invalid_requests(cell: Any, params: Any, message: str) -> None:
    given = {"url": URL, "storage": "local", **params}
    path = f"storage/{given.pop('storage')}/download-url"
    assert (await cell.refusal("POST", path, given)).message == message


async def test_a_template_of_the_list_is_fetched(cell: Any) -> None:
    wanted = "debian-13-standard_13.1-2_amd64.tar.zst"
    assert wanted in [entry["template"] for entry in await cell.call("GET", "aplinfo")]
    upid = await cell.call("POST", "aplinfo", {"storage": "local", "template": wanted})
    assert f":download:{wanted}:" in upid
    assert await cell.end(upid) == "OK"
    assert f"local:vztmpl/{wanted}" in await content(cell, "vztmpl")
    lines = await cell.lines("POST", "aplinfo", {"storage": "local", "template": wanted})
    assert lines[0] == "OK, got correct file already, no need to re-download"
    refusal = await cell.refusal("POST", "aplinfo", {"storage": "local", "template": "nosuch"})
    assert refusal.errors == {"template": "no such template"}
    cell.world.nodes["pve1"].pveam = False
    assert await cell.call("GET", "aplinfo") == []
    params = {"storage": "local", "template": wanted}
    assert (await cell.refusal("POST", "aplinfo", params)).status == 400


async def test_an_image_is_pulled_from_a_registry(cell: Any) -> None:
    params = {"reference": "docker.io/library/alpine:3.22"}
    upid = await cell.call("POST", "storage/local/oci-registry-pull", params)
    assert ":ociregistrypull:alpine_3.22.tar:" in upid
    assert await cell.end(upid) == "OK"
    assert "local:vztmpl/alpine_3.22.tar" in await content(cell, "vztmpl")


async def test_a_volume_is_copied_to_another_node(cell: Any, web: str) -> None:
    params = {"content": "iso", "filename": "own.iso", "url": f"{web}/own.iso"}
    assert await cell.done("POST", "storage/local/download-url", params) == "OK"
    wanted = {"target": "local:iso/copy.iso", "target_node": "pve2"}
    path = "/nodes/pve1/storage/local/content/local:iso%2Fown.iso"
    upid = await cell.call("POST", path, wanted | {"volume": "local:iso/own.iso"})
    assert ":imgcopy::" in upid
    assert await cell.end(upid) == "OK"
    assert await content(cell, "iso", "pve2") == ["local:iso/copy.iso"]
    ended = await cell.done("POST", path, wanted | {"volume": "local:iso/own.iso"})
    assert ended == "volume 'local:iso/copy.iso' already exists"


async def test_a_protected_backup_is_not_removed(cell: Any) -> None:
    assert await cell.done("POST", "vzdump", {"vmid": "100", "protected": 1}) == "OK"
    (volid,) = await content(cell, "backup")
    path = f"/nodes/pve1/storage/local/content/{volid.replace('/', '%2F')}"
    named = {"volume": volid}
    ended = await cell.done("DELETE", path, named)
    assert ended == f"cannot remove protected volume '{volid.partition(':')[2]}' on 'local'"
    await cell.call("PUT", path, named | {"protected": 0, "notes": "before the update"})
    upid = await cell.call("DELETE", path, named)
    assert ":imgdel:100@local:" in upid
    assert await cell.end(upid) == "OK"


async def test_the_privilege_to_back_up_a_guest_is_enough_to_remove_its_backups(cell: Any) -> None:
    assert await cell.done("POST", "vzdump", {"vmid": "100"}) == "OK"
    (volid,) = await content(cell, "backup")
    path = f"/nodes/pve1/storage/local/content/{volid.replace('/', '%2F')}"
    rights = {("/storage/local", "Datastore.AllocateSpace")}
    who = {"may": lambda where, what: (where, what) in rights, "userid": "bob@pve"}
    assert (await cell.refusal("DELETE", path, {"volume": volid}, **who)).status == 403
    rights.add(("/vms/100", "VM.Backup"))
    assert await cell.done("DELETE", path, {"volume": volid}, **who) == "OK"


async def test_a_removal_can_be_synchronous(cell: Any) -> None:
    assert await cell.done("POST", "vzdump", {"vmid": "100"}) == "OK"
    (volid,) = await content(cell, "backup")
    path = f"/nodes/pve1/storage/local/content/{volid.replace('/', '%2F')}"
    params = {"volume": volid, "delay": 5}
    await cell.call("PUT", path, {"volume": volid, "protected": 1})
    refusal = await cell.refusal("DELETE", path, params)
    told = f"cannot remove protected volume '{volid.partition(':')[2]}' on 'local'"
    assert (refusal.status, refusal.message) == (500, told)
    await cell.call("PUT", path, {"volume": volid, "protected": 0})
    assert await cell.call("DELETE", path, params) is None
    cell.world.add_task_fault(type="imgdel", seconds=20)
    assert await cell.done("POST", "vzdump", {"vmid": "100"}) == "OK"
    (volid,) = await content(cell, "backup")
    path = f"/nodes/pve1/storage/local/content/{volid.replace('/', '%2F')}"
    assert ":imgdel:" in await cell.call("DELETE", path, {"volume": volid, "delay": 2})
