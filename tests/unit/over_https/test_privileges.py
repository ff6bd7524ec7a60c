# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every job of the guide runs with the privileges in its table, and with none of them less."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api.errors import PveError
from ansible_collections.upid.proxmox.tests.simulator_process import start_simulator
from ansible_collections.upid.proxmox.tests.unit.over_https.simulated import SECRET, Simulated
from ansible_collections.upid.proxmox.tests.unit.run_command import run_command

ROOT = f"PVEAPIToken=root@pam!ansible={SECRET}"
USER = "job@pve"
TEMPLATE = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
GUIDE = next(
    file
    for parent in Path(__file__).parents
    if (file := parent / "docs/docsite/rst/guide_access.rst").is_file()
)
Grant = tuple[str, str]


def _ok(values: Mapping[str, Any]) -> bool:
    """Every guest was done."""
    return [guest["outcome"] for guest in values["guests"]] == ["ok"]


def _seen(values: Mapping[str, Any]) -> bool:
    return bool(values["guests"])


def _addresses(values: Mapping[str, Any]) -> bool:
    return bool(values["guests"] and values["guests"][0].get("addresses"))


def _others(values: Mapping[str, Any]) -> bool:
    return any(task["user"] == "root@pam!ansible" for task in values["tasks"])


def _stopped(values: Mapping[str, Any]) -> bool:
    return [task["outcome"] for task in values["tasks"]] == ["cancelled"]


def _places_ok(values: Mapping[str, Any]) -> bool:
    return [target["outcome"] for target in values["targets"]] == ["ok"]


def _nothing(_root: Root) -> Mapping[str, str]:
    return {}


def _a_clone(root: Root) -> Mapping[str, str]:
    """A task of root that does not end."""
    root.simulated.admin("POST", "faults", action="task", type="qmclone", seconds=1e6)
    return {"upid": root.call("POST", "/nodes/pve1/qemu/9000/clone", {"newid": 400})}


def _a_snapshot(root: Root) -> Mapping[str, str]:
    root.do("/nodes/pve1/qemu/100/snapshot", {"snapname": "before"})
    return {}


def _a_backup(root: Root) -> Mapping[str, str]:
    root.do("/nodes/pve1/vzdump", {"vmid": 100, "storage": "local"})
    [volume] = root.call("GET", "/nodes/pve1/storage/local/content?content=backup")
    return {"archive": volume["volid"]}


def _no_cron(root: Root) -> Mapping[str, str]:
    root.do("/nodes/pve1/services/cron/stop", {})
    return {}


def _a_file(root: Root) -> Mapping[str, str]:
    return {"url": f"{root.simulated.simulator.url}/_sim/requests"}


@dataclass(frozen=True)
class Job:
    """How a job of the table is run, and what the placeholders of its paths stand for.

    `prepare` is what root does before; what it returns takes the place of `{names}` in the options.
    `also` is another job whose privileges are needed as well.
    """

    module: str
    options: Mapping[str, Any]
    places: Mapping[str, Any] = field(default_factory=dict)
    done: Callable[[Mapping[str, Any]], bool] = _ok
    also: str = ""
    prepare: Callable[[Root], Mapping[str, str]] = _nothing


ALL = {"storage": "ceph", "bridge": "vmbr0", "templates": "local"}


def _operation(operation: str, *, vmid: int = 100, prepare: Any = _nothing, **options: Any) -> Job:
    given = {"operation": operation, "guests": [{"vmid": vmid}], **options}
    places = {"vmid": vmid, "storage": "ceph", "bridge": "vmbr0"}
    return Job("operation", given, places, prepare=prepare)


def _on_node(
    operation: str, *, done: Any = _places_ok, prepare: Any = _nothing, **options: Any
) -> Job:
    given = {"operation": operation, "nodes": ["pve1"], "allow_destructive": True, **options}
    return Job("operation", given, {"node": "pve1", **ALL}, done, prepare=prepare)


def _create(operation: str, *, prepare: Any = _nothing, **params: Any) -> Job:
    given = {"operation": operation, "guests": [{"vmid": 300}], "nodes": ["pve1"], "params": params}
    return Job(
        "operation", given, {**ALL, "vmid": 300, "backups": "local", "saved": 100}, prepare=prepare
    )


def _configure(**params: Any) -> Job:
    return _operation("configure", params=params)


CONTAINER: Mapping[str, Any] = {
    "vmid": 300,
    "hostname": "ct",
    "target_node": "pve1",
    "cores": 1,
    "memory": 256,
    "net": "name=eth0,bridge=vmbr0,ip=dhcp",
    "rootfs": "ceph:4",
    "params": {"onboot": 1},
}
JOBS: Mapping[str, Job] = {
    "clone a VM": Job(
        "clone", {"source": "9000", "guests": [{"vmid": 300, "name": "web"}]},
        {**ALL, "source": 9000, "vmid": 300},
    ),
    "clone a container": Job(
        "clone", {"source": "9100", "guests": [{"vmid": 300, "name": "web"}]},
        {**ALL, "source": 9100, "vmid": 300},
    ),
    "create a container": Job(
        "container", {"ostemplate": TEMPLATE, "guests": [CONTAINER]}, {**ALL, "vmid": 300}
    ),
    "start, shut down, stop, reboot": _operation("start"),
    "configure CPUs": _configure(cores=1),
    "configure memory": _configure(memory=1024),
    "configure a network device": _configure(net1="virtio,bridge=vmbr0"),
    "configure the name, tags, description and other options": _configure(description="x"),
    "configure cloud-init": _configure(ciuser="me"),
    "add a cloud-init drive": _configure(ide2="ceph:cloudinit"),
    "add a disk": _configure(scsi1="ceph:8"),
    "configure other virtual hardware": _configure(vga="std"),
    "resize a disk": _operation("resize", params={"disk": "scsi0", "size": "20G"}),
    "move a disk": Job(
        "operation",
        {
            "operation": "move_disk",
            "guests": [{"vmid": 100}],
            "params": {"disk": "scsi0", "storage": "local-lvm"},
        },
        {"vmid": 100, "storage": "local-lvm"},
    ),
    "detach a disk": _operation("detach_disk", params={"disk": "scsi0"}),
    "take a snapshot, delete one": _operation("snapshot", params={"snapname": "new"}),
    "roll back": _operation(
        "rollback", params={"snapname": "before"}, allow_destructive=True, prepare=_a_snapshot
    ),
    "create a VM": _create(
        "create_vm", name="new", cores=1, memory=256, vga="std", scsi0="ceph:1",
        net0="virtio,bridge=vmbr0",
    ),
    "restore a backup": _create(
        "restore", prepare=_a_backup, archive="{archive}", storage="ceph"
    ),
    (
        "start, stop, restart and reload services, apply the network, update the list of packages, "
        "order, renew and revoke certificates"
    ): _on_node("service_start", params={"service": "cron"}, prepare=_no_cron),
    "create and remove directories, volume groups, thin pools and ZFS pools; initialize disks": (
        _on_node("create_lvm", params={"name": "new", "device": "/dev/sdb"})
    ),
    "change Ceph": _on_node("ceph_create_pool", params={"name": "new"}),
    "download a file": _on_node(
        "download_url", storage="local", prepare=_a_file,
        params={"url": "{url}", "content": "iso", "filename": "a.iso", "verify-certificates": 0},
    ),
    "back up": Job(
        "operation",
        {"operation": "backup", "guests": [{"vmid": 100}], "params": {"storage": "local"}},
        {"vmid": 100, "storage": "local"},
    ),
    "migrate": _operation("migrate", params={"target": "pve2"}),
    "convert to a template": _operation("template", allow_destructive=True),
    "delete": _operation("delete", allow_destructive=True),
    "create a privileged container, in addition": Job(
        "container",
        {"ostemplate": TEMPLATE, "guests": [{**CONTAINER, "unprivileged": False}]},
        {**ALL, "vmid": 300},
        also="create a container",
    ),
    "see guests, and find those of an earlier run": Job(
        "guest_info", {"guests": ["100"]}, {"vmid": 100}, _seen
    ),
    "see the addresses of a VM (before Proxmox VE 9: ``VM.Monitor``)": Job(
        "guest_info", {"guests": ["101"], "addresses": True}, {"vmid": 101}, _addresses
    ),
    (
        "see the tasks of other users, and the clock of a node (before Proxmox VE 9.2 also the "
        "running tasks of an API token)"
    ): Job("task_info", {"nodes": ["pve1"]}, {"node": "pve1"}, _others, prepare=_a_clone),
    "stop the tasks of other users": Job(
        "stop_task", {"upids": ["{upid}"]}, {"node": "pve1"}, _stopped,
        prepare=_a_clone,
    ),
}  # fmt: skip


def table() -> dict[str, list[Grant]]:
    """The jobs of the guide with their privileges, each with the path that it is needed on."""
    text = GUIDE.read_text(encoding="utf-8")
    text = text[text.index(".. list-table:: Required privileges") :]
    found: dict[str, list[Grant]] = {}
    job = ""
    for row in re.split(r"\n   \* -", text.split("\n\nSome things")[0])[2:]:
        name, privileges, where = row.split("\n     - ")
        job = " ".join(name.split()) or job
        (path,) = re.findall(r"``(/[^`]*)``", where)
        named = re.findall(r"``([A-Z]\w*\.[\w.]*\w)``", privileges)
        found.setdefault(job, []).extend((privilege, path) for privilege in named)
    return found


TABLE = table()


@pytest.fixture(scope="module")
def simulated() -> Iterator[Simulated]:
    """A cluster that is reset for each job."""
    with start_simulator(speed=100, addresses=3) as simulator:
        yield Simulated(simulator)


class Root:
    """Calls the API as root, and creates a user with privileges."""

    def __init__(self, simulated: Simulated) -> None:
        self.simulated = simulated

    def call(self, method: str, path: str, data: Mapping[str, Any] | None = None) -> Any:
        """What the API answers to root."""
        answer = requests.request(
            method,
            f"{self.simulated.simulator.url}/api2/json{path}",
            data=data,
            headers={"Authorization": ROOT},
            verify=str(self.simulated.simulator.ca),
            timeout=30,
        )
        assert answer.status_code == 200, (path, answer.reason)
        return answer.json()["data"]

    def do(self, path: str, data: Mapping[str, Any]) -> None:
        """Start a task and wait for its end."""
        upid = self.call("POST", path, data)
        status = f"/nodes/{upid.split(':')[1]}/tasks/{upid}/status"
        while self.call("GET", status)["status"] == "running":
            self.simulated.admin("POST", "clock", advance=1)

    def create_user(self, grants: list[Grant], places: Mapping[str, Any]) -> dict[str, str]:
        """A new user with a token that has just these privileges; the options of the connection."""
        self.call("POST", "/access/users", {"userid": USER})
        for number, (privilege, path) in enumerate(grants):
            role = {"roleid": f"R{number}", "privs": privilege}
            self.call("POST", "/access/roles", role)
            line = {"path": path.format(**places), "users": USER, "roles": f"R{number}"}
            self.call("PUT", "/access/acl", {**line, "propagate": 0})
        token = self.call("POST", f"/access/users/{USER}/token/ci", {"privsep": 0})
        return {"api_token_id": token["full-tokenid"], "api_token_secret": token["value"]}


def _filled(value: Any, known: Mapping[str, str]) -> Any:
    """The options with what was prepared."""
    if isinstance(value, Mapping):
        return {key: _filled(one, known) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, known) for one in value]
    return value.format_map(known) if isinstance(value, str) and known else value


def attempt(simulated: Simulated, job: Job, grants: list[Grant]) -> bool:
    """Whether a job is done with these privileges alone."""
    simulated.admin("POST", "reset")
    root = Root(simulated)
    options = _filled(job.options, job.prepare(root))
    identity = root.create_user(grants, job.places)

    async def work(client: Any) -> Any:
        return await run_command(job.module, client, **options)

    try:
        report = simulated.run(work, **identity)
    except PveError:
        return False
    return report.problem is None and job.done(report.values)


def test_every_job_of_the_guide_is_tested() -> None:
    assert set(TABLE) == set(JOBS)


@pytest.mark.parametrize("name", JOBS)
def test_a_job_needs_each_of_its_privileges_and_no_other(simulated: Simulated, name: str) -> None:
    job, own = JOBS[name], TABLE[name]
    grants = TABLE.get(job.also, []) + own
    assert attempt(simulated, job, grants)
    left_out = {grant: [other for other in grants if other != grant] for grant in own}
    assert [grant for grant, others in left_out.items() if attempt(simulated, job, others)] == []
