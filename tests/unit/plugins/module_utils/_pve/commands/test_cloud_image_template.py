# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Templates made of cloud images: once for each checksum, with older ones removed or kept."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import (
    ApiError,
    PveError,
    UsageError,
)
from ansible_collections.upid.proxmox.plugins.module_utils._pve.commands.context import Report
from ansible_collections.upid.proxmox.tests.unit.fake_api import FakeApi
from ansible_collections.upid.proxmox.tests.unit.run_command import COLLECTION, run_command
from ansible_collections.upid.proxmox.tests.unit.virtual_time import in_virtual_time

images = importlib.import_module(
    f"{COLLECTION}.module_utils._pve.commands.cloud_image_template.image"
)
OLD, NEW = "a" * 64, "b" * 64
FILE = f"debian-13-{NEW[:12]}.qcow2"
NODES = ["pve1", "pve2", "pve3"]


def an_api(*, image_shared: int = 0) -> FakeApi:
    """A cluster with a storage for images to import, and one for disks on each node."""
    api = FakeApi()
    api.cluster.storages = [
        {"storage": "local", "content": "iso,import", "active": 1, "shared": image_shared},
        {"storage": "lvm", "content": "images", "active": 1},
        {"storage": "rbd", "content": "images", "active": 1, "shared": 1},
    ]
    shelf: list[dict[str, Any]] = []
    for node in NODES:
        api.cluster.volumes[node, "local"] = shelf if image_shared else []
    return api


async def make(api: FakeApi, **options: Any) -> Report:
    given = {
        "name": "debian-13",
        "url": "https://cloud.example/debian-13.qcow2",
        "checksum": f"sha256:{NEW}",
        "storage": "lvm",
        "nodes": NODES,
    }
    return await run_command("cloud_image_template", api, **{**given, **options})


def a_template(
    api: FakeApi, vmid: int, node: str = "pve1", *, checksum: str = OLD, **config: Any
) -> None:
    """A template as this module makes it."""
    given = {
        "name": "debian-13",
        "template": 1,
        "description": f"cloud-image-template: {vmid} sha256:{checksum}",
        "meta": f"creation-qemu=10.1.2,ctime={vmid}",
        "scsi0": f"lvm:base-{vmid}-disk-0,size=2G",
    }
    api.cluster.add(vmid, node=node, **{**given, **config})


def of(report: Report, node: str) -> dict[str, Any]:
    return next(one for one in report.values["templates"] if one["node"] == node)


def sent(api: FakeApi, pattern: str) -> list[str]:
    return [call.path for call in api.made(pattern)]


@in_virtual_time
async def test_each_node_gets_a_template_and_a_second_call_finds_it() -> None:
    api = an_api()
    report = await make(api)
    assert report.problem is None
    assert [one["done"] for one in report.values["templates"]] == [
        ["downloaded", "created", "converted", "removed the image"]
    ] * 3
    assert [one["vmid"] for one in report.values["templates"]] == [100, 101, 102]
    guest = api.cluster.guests[101]
    assert (guest.node, guest.config["template"], guest.name) == ("pve2", 1, "debian-13")
    assert guest.config["description"] == f"cloud-image-template: 101 sha256:{NEW}"
    assert guest.config["scsi0"] == f"lvm:0,import-from=local:import/{FILE},discard=on"
    assert guest.config["ide2"] == "lvm:cloudinit"
    assert guest.config["boot"] == "order=scsi0"
    assert guest.config["agent"] == "enabled=1"
    assert guest.config["serial0"] == "socket"
    assert all(not rows for rows in api.cluster.volumes.values())
    calls = len(api.made("POST|PUT|DELETE"))
    again = await make(api)
    assert (again.changed, again.problem) == (False, None)
    assert {one["outcome"] for one in again.values["templates"]} == {"unchanged"}
    assert [one["vmid"] for one in again.values["templates"]] == [100, 101, 102]
    assert len(api.made("POST|PUT|DELETE")) == calls


@in_virtual_time
async def test_the_download_is_verified_by_the_node() -> None:
    api = an_api()
    await make(api, nodes=["pve1"], verify_certificates=False, keep_image=True)
    (call,) = api.made("POST .*download-url")
    assert call.params == {
        "url": "https://cloud.example/debian-13.qcow2",
        "content": "import",
        "filename": FILE,
        "checksum-algorithm": "sha256",
        "checksum": NEW,
        "verify-certificates": 0,
    }
    assert [row["volid"] for row in api.cluster.volumes["pve1", "local"]] == [
        f"local:import/{FILE}"
    ]
    again = await make(api, nodes=["pve1"], keep_image=True)
    assert not again.changed


@in_virtual_time
async def test_a_node_that_fails_does_not_keep_the_others() -> None:
    api = an_api()
    wrong = f"checksum mismatch: got '{OLD}' != expect '{NEW}'"
    api.disturb("POST /nodes/pve2/storage/local/download-url", 0.0)
    api.ends["download"] = ["OK", wrong, "OK"]
    report = await make(api, parallel=1)
    bad = [one for one in report.values["templates"] if one["outcome"] == "failed"]
    assert len(bad) == 1
    assert (bad[0]["step"], bad[0]["message"], bad[0]["vmid"]) == ("download", wrong, None)
    assert report.problem is not None
    assert wrong in report.problem
    assert len(api.cluster.guests) == 2
    again = await make(api)
    assert again.problem is None
    assert [one["changed"] for one in again.values["templates"]].count(True) == 1
    assert len(api.cluster.guests) == 3


@in_virtual_time
async def test_an_image_on_shared_storage_is_downloaded_once_and_removed_at_the_end() -> None:
    api = an_api(image_shared=1)
    report = await make(api)
    assert report.problem is None
    assert len(api.made("POST .*download-url")) == 1
    assert len(api.made("DELETE .*content")) == 1
    assert len(api.cluster.guests) == 3


@in_virtual_time
async def test_an_image_that_a_failed_template_still_needs_stays() -> None:
    api = an_api(image_shared=1)
    api.ends["qmtemplate 101"] = ["no space left"]
    report = await make(api)
    assert report.problem is not None
    assert api.made("DELETE .*content") == []
    report = await make(api)
    assert report.problem is None
    assert of(report, "pve2")["done"] == ["converted"]
    assert len(api.made("DELETE .*content")) == 1


@in_virtual_time
async def test_a_half_made_vm_of_an_interrupted_call_is_completed() -> None:
    api = an_api()
    a_template(api, 300, checksum=NEW, template=0)
    report = await make(api, nodes=["pve1"], disk_gib=10)
    assert of(report, "pve1")["done"] == ["resized", "converted"]
    assert of(report, "pve1")["vmid"] == 300
    assert api.cluster.guests[300].config["template"] == 1
    assert api.cluster.guests[300].config["scsi0"].endswith("size=10G")
    assert api.made("POST .*download-url") == []


@pytest.mark.parametrize("options", [{}, {"disk_gib": 10}])
@pytest.mark.parametrize("path", ["GET /nodes/pve1/storage$", "GET .*/pve1/tasks"])
@in_virtual_time
async def test_a_vm_that_takes_the_vmid_of_a_half_made_one_is_left_alone(
    path: str, options: dict[str, Any]
) -> None:
    """Somebody removes what an interrupted call left, and makes a VM with its VMID."""
    api = an_api()
    a_template(api, 300, checksum=NEW, template=0)
    work = asyncio.ensure_future(make(api, nodes=["pve1"], **options))
    # Before its step is prepared, and before its call is sent.
    await api.until_made(path, 1)
    api.cluster.add(300, name="precious", scsi0="lvm:vm-300-disk-9,size=2G")
    report = await work
    assert "is no longer the VM that is to become the template" in (report.problem or "")
    assert not api.made("(POST|PUT|DELETE) .*/300")
    assert "template" not in api.cluster.guests[300].config


@pytest.mark.parametrize(
    ("state", "why"), [({"status": "running"}, "running"), ({"lock": "backup"}, "locked (backup)")]
)
@in_virtual_time
async def test_a_half_made_vm_that_somebody_uses_is_not_converted(
    state: dict[str, str], why: str
) -> None:
    api = an_api()
    a_template(api, 300, checksum=NEW, template=0, **state)
    report = await make(api, nodes=["pve1"])
    assert f"it is {why}" in of(report, "pve1")["message"]
    assert api.made("POST") == []


@in_virtual_time
async def test_a_creation_of_an_interrupted_call_that_still_runs_is_waited_for() -> None:
    api = an_api()
    params = {"vmid": 300, "name": "debian-13", "scsi0": "lvm:vm-300-disk-0,size=2G"}
    params["description"] = f"cloud-image-template: 300 sha256:{NEW}"
    await api.post(("nodes", "pve1", "qemu"), params)
    report = await make(api, nodes=["pve1"])
    assert report.problem is None
    assert of(report, "pve1")["vmid"] == 300
    assert list(api.cluster.guests) == [300]


@pytest.mark.parametrize(
    "options", [{"wait": False}, {"wait_timeout": 1, "on_timeout": "continue"}]
)
@in_virtual_time
async def test_an_image_that_a_task_still_reads_stays(options: dict[str, Any]) -> None:
    api = an_api()
    api.cluster.volumes["pve1", "local"].append(
        {"volid": f"local:import/{FILE}", "content": "import"}
    )
    report = await make(api, nodes=["pve1"], **options)
    assert report.problem is None
    assert len(api.made("POST .*qemu")) == 1
    assert api.made("DELETE") == []


@in_virtual_time
async def test_an_old_version_goes_only_where_that_is_allowed() -> None:
    api = an_api()
    a_template(api, 300)
    report = await make(api, nodes=["pve1"])
    assert of(report, "pve1")["kept"] == [{"vmid": 300, "why": "allow_destructive is false"}]
    report = await make(api, nodes=["pve1"], allow_destructive=True)
    assert of(report, "pve1")["done"] == ["removed 300"]
    assert report.changed
    assert list(api.cluster.guests) == [100]
    (call,) = api.made("DELETE .*qemu")
    assert call.params == {"purge": 1}


@in_virtual_time
async def test_the_newest_are_kept_and_half_made_ones_of_old_images_do_not_count() -> None:
    api = an_api()
    for vmid in (300, 301, 302):
        a_template(api, vmid)
    a_template(api, 310, template=0)
    report = await make(api, nodes=["pve1"], allow_destructive=True, keep=2)
    assert of(report, "pve1")["removed"] == [301, 300, 310]
    assert of(report, "pve1")["kept"] == [{"vmid": 302, "why": "one of the newest 2"}]
    assert sorted(api.cluster.guests) == [100, 302]


@pytest.mark.parametrize("check", [False, True], ids=["", "check"])
@pytest.mark.parametrize(
    ("config", "row", "why"),
    [
        ({}, {"volid": "lvm:base-300-disk-0/vm-7-disk-0", "vmid": 7}, "linked clones: VM 7"),
        ({}, {"volid": "lvm:base-300-disk-0/vm-7-disk-0"}, "linked clones: lvm:base-300-disk-0/"),
        ({"protection": 1}, {}, "it is protected"),
        ({"lock": "backup"}, {}, "it is locked (backup)"),
    ],
)
@in_virtual_time
async def test_an_old_version_that_is_needed_stays(
    config: dict[str, Any], row: dict[str, Any], why: str, check: bool
) -> None:
    api = an_api()
    a_template(api, 300, **config)
    a_template(api, 301, checksum=NEW)
    others = [{"volid": "lvm:base-300-disk-0"}, {"volid": "lvm:base-3000-disk-0/vm-8-disk-0"}]
    rows = [{**one, "content": "images"} for one in (*others, row) if one]
    api.cluster.volumes["pve1", "lvm"] = rows
    warned: list[str] = []
    report = await make(api, nodes=["pve1"], allow_destructive=True, check=check, warned=warned)
    assert (report.problem, report.changed) == (None, False)
    assert why in of(report, "pve1")["kept"][0]["why"]
    assert any("VM 300 (debian-13) on pve1 is kept" in text for text in warned)
    assert 300 in api.cluster.guests


@in_virtual_time
async def test_an_old_version_stays_when_its_linked_clones_cannot_be_read() -> None:
    api = an_api()
    a_template(api, 300)
    a_template(api, 301, checksum=NEW)
    refused = ApiError("GET /nodes/pve1/storage/lvm/content", 403, "Permission check failed")
    api.disturb("GET /nodes/pve1/storage/lvm/content", refused, count=None)
    report = await make(api, nodes=["pve1"], allow_destructive=True)
    assert "cannot be read on storage lvm" in of(report, "pve1")["kept"][0]["why"]
    assert 300 in api.cluster.guests


@in_virtual_time
async def test_nothing_goes_when_the_new_one_was_not_made() -> None:
    api = an_api()
    a_template(api, 300)
    api.ends["qmcreate"] = ["no space left"]
    report = await make(api, nodes=["pve1"], allow_destructive=True)
    assert of(report, "pve1")["step"] == "create"
    assert list(api.cluster.guests) == [300]


@in_virtual_time
async def test_a_vm_of_the_name_without_a_mark_of_its_own_is_never_touched() -> None:
    api = an_api()
    # a copy has the line of the one that it was copied from
    a_template(api, 300, description=f"cloud-image-template: 301 sha256:{OLD}")
    report = await make(api, allow_destructive=True)
    assert "has this name and was not made by this module" in of(report, "pve1")["message"]
    assert of(report, "pve2")["outcome"] == "ok"
    assert api.made("(POST|DELETE) /nodes/pve1") == []


@in_virtual_time
async def test_one_for_the_cluster_on_shared_storage() -> None:
    api = an_api()
    a_template(api, 300, "pve3")
    report = await make(api, nodes=None, storage="rbd", allow_destructive=True)
    assert report.problem is None
    assert [one["node"] for one in report.values["templates"]] == ["pve1"]
    assert list(api.cluster.guests) == [100]
    again = await make(api, nodes=None, storage="rbd", allow_destructive=True)
    assert not again.changed
    with pytest.raises(UsageError, match="'lvm' is not shared; set nodes"):
        await make(api, nodes=None, checksum=OLD)


@in_virtual_time
async def test_what_an_offline_node_may_have_is_not_made_again() -> None:
    api = an_api()
    api.cluster.down.add("pve3")
    with pytest.raises(PveError, match="pve3"):
        await make(api, nodes=None, storage="rbd")
    report = await make(api)
    assert of(report, "pve3")["message"] == "node pve3 is offline"
    assert of(report, "pve1")["outcome"] == "ok"


@in_virtual_time
async def test_check_mode_shows_the_plan() -> None:
    api = an_api()
    a_template(api, 300)
    a_template(api, 301, "pve2", checksum=NEW)
    report = await make(api, check=True, allow_destructive=True, nodes=["pve1", "pve2"])
    assert of(report, "pve1")["done"] == [
        "downloaded",
        "created",
        "converted",
        "removed 300",
        "removed the image",
    ]
    assert of(report, "pve2")["done"] == []
    assert report.changed
    assert api.made("POST|PUT|DELETE") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checksum": "sha256:abc"}, "checksum: 'sha256:abc' is no checksum"),
        ({"checksum": "https://cloud.example/SUMS"}, "is no checksum"),
        ({"url": "ftp://cloud.example/a.qcow2"}, "neither an http nor an https URL"),
        ({"url": "https://cloud.example/a.qcow2.xz"}, "the image is compressed"),
        ({"url": "https://cloud.example/a"}, "format: the URL does not end"),
        ({"nodes": ["pve9"]}, "there is no node 'pve9'"),
        ({"keep": 0}, "keep: 0 is less than 1"),
        ({"config": {"coers": 2}}, "coers"),
        ({"nodes": None, "name": "a-{node}", "storage": "rbd"}, "means nothing without nodes"),
        ({"vmid_range": "9-1"}, "vmid_range"),
    ],
)
@in_virtual_time
async def test_what_is_wrong_is_told_before_anything_starts(
    options: dict[str, Any], message: str
) -> None:
    api = an_api()
    with pytest.raises(UsageError, match=message):
        await make(api, **options)
    assert api.made("POST") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"storage": "nfs"}, "storage: node pve1 has no storage 'nfs'"),
        ({"storage": "local"}, "does not take content 'images'"),
        ({"image_storage": "lvm"}, "does not take content 'import'"),
    ],
)
@in_virtual_time
async def test_a_storage_that_cannot_be_used(options: dict[str, Any], message: str) -> None:
    report = await make(an_api(), nodes=["pve1"], **options)
    assert message in of(report, "pve1")["message"]


@in_virtual_time
async def test_names_vmids_and_options_are_those_of_the_user() -> None:
    api = an_api()
    config = {"vga": None, "bios": "ovmf", "net0": "virtio,bridge=vmbr1"}
    await make(
        api,
        name="t-{node}",
        nodes=["all"],
        vmid_range="9000-9099",
        config=config,
        tags=["b", "a"],
        description="Made by us",
    )
    assert {vmid: one.name for vmid, one in api.cluster.guests.items()} == {
        9000: "t-pve1",
        9001: "t-pve2",
        9002: "t-pve3",
    }
    made = api.cluster.guests[9000].config
    assert "vga" not in made
    assert (made["bios"], made["net0"], made["tags"]) == ("ovmf", "virtio,bridge=vmbr1", "a;b")
    assert made["description"] == f"Made by us\n\ncloud-image-template: 9000 sha256:{NEW}"


@in_virtual_time
async def test_an_image_that_is_not_verified_is_known_by_its_url() -> None:
    api = an_api()
    report = await make(api, nodes=["pve1"], checksum="none")
    assert of(report, "pve1")["image"].startswith("url:")
    (call,) = api.made("POST .*download-url")
    assert "checksum" not in call.params
    again = await make(api, nodes=["pve1"], checksum="none")
    assert not again.changed
    other = await make(api, nodes=["pve1"], checksum="none", url="https://cloud.example/b.qcow2")
    assert other.changed


def test_names_of_files_are_plain_and_differ_with_the_checksum() -> None:
    params = {"url": "https://h/a b%2Fc.img?sig=1", "checksum": f"SHA256:{'AB' * 32}"}
    image = images.read_image({**params, "format": None})
    assert image.file == "c-abababababab.qcow2"
    assert image.identity == f"sha256:{'ab' * 32}"
    assert images.read_image({**params, "checksum": "a" * 128, "format": None}).algorithm == (
        "sha512"
    )


@in_virtual_time
async def test_an_older_template_whose_disks_remain_is_a_failure() -> None:
    api = an_api()
    a_template(api, 300)
    api.cluster.contents["lvm"] = [{"volid": "lvm:base-300-disk-0", "vmid": 300}]
    report = await make(api, nodes=["pve1"], keep=1, allow_destructive=True)
    assert "its disks still exist: lvm:base-300-disk-0" in (report.problem or "")
