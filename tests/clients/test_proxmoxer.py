# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""proxmoxer: its resources, its ways to log in, its errors and its tools for tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.upid.proxmox.tests.clients.client import Cluster
from ansible_collections.upid.proxmox.tests.simulator_process import start_simulator
from proxmoxer import AuthenticationError, ProxmoxAPI, ResourceException
from proxmoxer.tools import Files, Tasks
from pvesim.auth import totp

PASSWORD = "Sim-pass-1"
SECRET = "00000000-0000-4000-8000-000000000001"
OS_TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"


def connect(cluster: Cluster, **credentials: str) -> Any:
    """The API as a client of proxmoxer."""
    simulator = cluster.simulator
    user = credentials.pop("user", "root@pam")
    return ProxmoxAPI(
        simulator.hosts[0], user=user, verify_ssl=str(simulator.ca), timeout=30, **credentials
    )


@pytest.fixture
def api(cluster: Cluster) -> Any:
    """The API by an API token of root."""
    return connect(cluster, token_name="ansible", token_value=SECRET)


def finish(api: Any, upid: str) -> str:
    """Wait for a task as proxmoxer's users do; return its exit status."""
    status = Tasks.blocking_status(api, upid, timeout=30, polling_interval=0.05)
    exitstatus: str = status["exitstatus"]
    return exitstatus


def test_resources_are_read(api: Any) -> None:
    assert api.version.get()["release"] == "9.2"
    assert [node["node"] for node in api.nodes.get()] == ["pve1", "pve2", "pve3"]
    assert {vm["vmid"] for vm in api.cluster.resources.get(type="vm")} == {100, 101, 9000, 9100}
    assert api.nodes("pve1").qemu(100).config.get()["name"] == "app1"
    (volume,) = api.nodes("pve1").storage("local").content.get(content="vztmpl")
    assert volume["volid"] == OS_TEMPLATE


def test_a_vm_from_its_clone_to_its_end(api: Any, cluster: Cluster) -> None:
    vm = api.nodes("pve1").qemu(300)
    clone = api.nodes("pve1").qemu(9000).clone
    assert finish(api, clone.post(newid=300, name="web1", full=1, storage="ceph")) == "OK"
    vm.config.put(cores=4, description="one\ntwo")
    assert finish(api, vm.config.post(memory=4096)) == "OK"
    assert finish(api, vm.status.start.post()) == "OK"
    assert vm.status.current.get()["status"] == "running"
    assert finish(api, vm.snapshot.post(snapname="before")) == "OK"
    assert finish(api, vm.status.shutdown.post(forceStop=1)) == "OK"
    assert finish(api, vm.snapshot("before").rollback.post()) == "OK"
    assert finish(api, vm.snapshot("before").delete()) == "OK"
    config = vm.config.get()
    assert (config["cores"], config["memory"], config["description"]) == (4, "4096", "one\ntwo")
    assert finish(api, vm.delete(purge=1)) == "OK"
    assert 300 not in cluster.guests()


def test_a_container_from_its_creation_to_its_end(api: Any, cluster: Cluster) -> None:
    containers = api.nodes("pve1").lxc
    upid = containers.create(
        vmid=310,
        ostemplate=OS_TEMPLATE,
        hostname="ct1",
        rootfs="ceph:4",
        net0="name=eth0,bridge=vmbr0,ip=dhcp",
        password="secret-1",
        unprivileged=1,
    )
    assert finish(api, upid) == "OK"
    assert finish(api, containers(310).status.start.post()) == "OK"
    assert containers(310).interfaces.get()[1]["name"] == "eth0"
    with pytest.raises(ResourceException, match="CT 310 already running"):
        containers(310).status.start.post()
    assert finish(api, containers(310).delete(force=1)) == "OK"
    assert 310 not in cluster.guests()


def test_a_vm_is_backed_up_and_restored(api: Any, cluster: Cluster) -> None:
    node = api.nodes("pve1")
    assert node.vzdump.post(vmid=101, storage="local") == "OK"  # it is on another node
    assert finish(api, node.vzdump.post(vmid=100, storage="local", compress="zstd")) == "OK"
    (archive,) = node.storage("local").content.get(content="backup")
    restored = node.qemu.post(vmid=320, archive=archive["volid"], storage="ceph", unique=1)
    assert finish(api, restored) == "OK"
    assert node.qemu(320).config.get()["name"] == "app1"
    volume = node.storage("local").content(archive["volid"])
    assert finish(api, volume.delete()) == "OK"
    assert node.storage("local").content.get(content="backup") == []
    assert [kind for kind, _id, _status in cluster.tasks()] == ["vzdump", "qmrestore", "imgdel"]


def test_a_file_is_uploaded(api: Any, tmp_path: Path) -> None:
    file = tmp_path / "my image.iso"
    file.write_bytes(b"CD001" * 400_000)
    storage = api.nodes("pve1").storage("local")
    with file.open("rb") as opened:
        assert finish(api, storage.upload.post(content="iso", filename=opened)) == "OK"
    (volume,) = storage.content.get(content="iso")
    assert (volume["volid"], volume["size"]) == ("local:iso/my_image.iso", 2_000_000)


def test_a_file_is_uploaded_by_the_tools_with_its_checksum(api: Any, tmp_path: Path) -> None:
    file = tmp_path / "tiny.iso"
    file.write_bytes(b"tiny")
    status = Files(api, "pve1", "local").upload_local_file_to_storage(str(file))
    assert status["exitstatus"] == "OK"
    log = Tasks.decode_log(api.nodes("pve1").tasks(status["upid"]).log.get())
    assert "calculating checksum...OK, checksum verified" in log


def test_a_task_is_decoded_and_its_log_read(api: Any) -> None:
    upid = api.nodes("pve1").qemu(9000).clone.post(newid=300)
    finish(api, upid)
    decoded = Tasks.decode_upid(upid)
    assert (decoded["node"], decoded["type"], decoded["id"], decoded["user"]) == (
        "pve1", "qmclone", "9000", "root@pam",
    )  # fmt: skip
    log = Tasks.decode_log(api.nodes("pve1").tasks(upid).log.get(limit=0))
    assert log.startswith("creating a clone of VM 9000 with ID 300\n")
    assert log.endswith("\nTASK OK")


def test_a_task_that_does_not_end_in_time_is_none(api: Any, cluster: Cluster) -> None:
    fault = {"action": "task", "type": "qmclone", "seconds": 3000}
    cluster.admin("POST", "faults", fault)
    upid = api.nodes("pve1").qemu(9000).clone.post(newid=300)
    assert Tasks.blocking_status(api, upid, timeout=0.2, polling_interval=0.1) is None
    assert api.nodes("pve1").tasks(upid).status.get()["status"] == "running"
    api.nodes("pve1").tasks(upid).delete()
    assert finish(api, upid) == "clone failed: received interrupt"


def test_the_reason_and_the_errors_of_parameters_arrive(api: Any) -> None:
    with pytest.raises(ResourceException) as refused:
        api.nodes("pve1").qemu(9000).clone.post(newid=5, nosuch=1)
    assert refused.value.status_code == 400
    assert refused.value.content == "Parameter verification failed."
    assert set(refused.value.errors) == {"newid", "nosuch"}
    with pytest.raises(ResourceException) as missing:
        api.nodes("pve1").qemu(555).config.get()
    assert missing.value.status_code == 500
    assert missing.value.content == (
        "Configuration file 'nodes/pve1/qemu-server/555.conf' does not exist"
    )


def test_a_password_gives_a_ticket_which_ends_after_two_hours(cluster: Cluster) -> None:
    api = connect(cluster, password=PASSWORD)
    assert finish(api, api.nodes("pve1").qemu(100).status.start.post()) == "OK"
    cluster.admin("POST", "clock", {"advance": 7190})
    assert api.version.get()
    cluster.admin("POST", "clock", {"advance": 20})
    # proxmoxer counts by its own clock and does not log in again.
    with pytest.raises(ResourceException) as expired:
        api.version.get()
    assert (expired.value.status_code, expired.value.content) == (401, "Authentication failed!")


def test_a_wrong_password_is_an_error_of_authentication(cluster: Cluster) -> None:
    with pytest.raises(AuthenticationError, match="401"):
        connect(cluster, password="wrong")


def test_a_second_factor_is_requested_and_answered(tmp_path: Path) -> None:
    secret = "JBSWY3DPEHPK3PXP"
    world = tmp_path / "world.yml"
    world.write_text(
        f"nodes: {{pve1: {{}}}}\nusers: {{root@pam: {{password: {PASSWORD}, totp: {secret}}}}}\n"
    )
    with start_simulator(world=world) as simulator:
        cluster = Cluster(simulator)
        now = cluster.admin("POST", "clock", {"advance": 0})["now"]
        api = connect(cluster, password=PASSWORD, otp=totp(secret, now))
        assert [node["node"] for node in api.nodes.get()] == ["pve1"]
        # The answer is 401; proxmoxer takes a wrong code for a missing one.
        with pytest.raises(AuthenticationError, match="missing Two Factor Authentication"):
            connect(cluster, password=PASSWORD, otp="000000")
