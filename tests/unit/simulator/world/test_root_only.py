# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Some options are for root@pam alone: no privilege and no token is enough."""

from __future__ import annotations

from typing import Any

import pytest
from pvesim.entities import Volume


@pytest.mark.parametrize("option", ["args", "lock"])
async def test_a_token_of_root_is_not_root(recorded: Any, option: str) -> None:
    refusal = await recorded.refusal("PUT", "qemu/101/config", {option: "backup"})
    assert (refusal.status, refusal.message) == (500, f"only root can set '{option}' config")


async def test_a_script_that_is_not_there_is_refused_before(recorded: Any) -> None:
    script = {"hookscript": "local:snippets/a.pl"}
    refusal = await recorded.refusal("PUT", "qemu/101/config", script)
    missing = "script 'local:snippets/a.pl' does not exist\n"
    assert (refusal.status, refusal.errors) == (400, {"hookscript": missing})
    volume = Volume("local:snippets/a.pl", "snippets", "raw", 1)
    recorded.world.storages["local"].volumes.append(volume)
    refusal = await recorded.refusal("PUT", "qemu/101/config", script)
    assert (refusal.status, refusal.message) == (500, "only root can set 'hookscript' config")


async def test_root_with_a_ticket_is_allowed(recorded: Any) -> None:
    await recorded.call("PUT", "qemu/101/config", {"args": "-cpu host"}, tokenid=None)
    assert recorded.world.guests[101].config["args"] == "-cpu host"


async def test_any_user_may_set_nesting_on_a_container(recorded: Any) -> None:
    await recorded.call("PUT", "lxc/200/config", {"features": "nesting=1"})
    refusal = await recorded.refusal("PUT", "lxc/200/config", {"features": "keyctl=1"})
    assert refusal.status == 403
    assert "(except nesting)" in refusal.message


PATHS = (
    "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651."
)


@pytest.mark.parametrize(
    ("method", "path", "params"),
    [
        ("PUT", "qemu/101/config", {"scsi5": "/dev/sdb"}),
        ("POST", "qemu/101/config", {"ide3": "/tmp/x.iso,media=cdrom"}),
        ("POST", "qemu", {"vmid": 555, "scsi0": "/dev/sdb"}),
    ],
)
async def test_a_path_as_a_disk_is_for_root_alone(
    recorded: Any, method: str, path: str, params: dict[str, Any]
) -> None:
    refusal = await recorded.refusal(method, path, params)
    assert (refusal.status, refusal.message.strip()) == (500, PATHS)
    await recorded.call(method, path, params, tokenid=None)


@pytest.mark.parametrize("volume", ["none,media=cdrom", "cdrom,media=cdrom"])
async def test_an_empty_drive_and_that_of_the_node_are_no_paths(recorded: Any, volume: str) -> None:
    await recorded.call("PUT", "qemu/101/config", {"ide3": volume})


@pytest.mark.parametrize(("volume", "kind"), [("/srv/data", "bind"), ("/dev/sdb1", "device")])
async def test_a_mount_of_the_node_is_for_root_alone(recorded: Any, volume: str, kind: str) -> None:
    refusal = await recorded.refusal("PUT", "lxc/200/config", {"mp5": f"{volume},mp=/srv"})
    assert refusal.status == 403
    assert f"(mount point type {kind} is only allowed for root@pam)" in refusal.message


async def test_a_bare_size_is_read_as_a_path_unless_root_gives_it(recorded: Any) -> None:
    template = next(
        volume.volid
        for storage in recorded.world.storages.values()
        for volume in storage.volumes
        if volume.content == "vztmpl"
    )
    given = {"vmid": 555, "ostemplate": template, "storage": "store1", "rootfs": "4"}
    refusal = await recorded.refusal("POST", "lxc", given)
    assert (refusal.status, refusal.message.strip()) == (500, PATHS)
    await recorded.call("POST", "lxc", given, tokenid=None)


@pytest.mark.parametrize(
    ("path", "feature", "can"),
    [
        ("qemu/100", "clone", 1),
        ("qemu/101", "clone", 0),
        ("qemu/101", "snapshot", 1),
        ("lxc/200", "snapshot", 0),
        ("lxc/200", "copy", 1),
    ],
)
async def test_disks_support_snapshots_and_clones_by_format(
    recorded: Any, path: str, feature: str, can: int
) -> None:
    answer = await recorded.call("GET", f"{path}/feature", {"feature": feature})
    assert answer["hasFeature"] == can


async def test_an_index_lists_its_children(recorded: Any) -> None:
    below = await recorded.call("GET", "qemu/101")
    assert {"subdir": "config"} in below
    assert {"subdir": "status"} in below
