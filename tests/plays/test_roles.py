# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles do when something is wrong, on every release of ansible-core."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.upid.proxmox.tests.plays.releases import Ansible, inventory, play_of

pytestmark = pytest.mark.timeout(240)

ROOT = Path(__file__).parents[2]
CRASH = """
def crash() -> None:
    raise RuntimeError("It crashed")

"""
WEB: dict[str, Any] = {
    "provision_vms_source": 9000,
    "provision_vms_count": 2,
    "provision_vms_name_pattern": "web-%d",
    "provision_vms_vmid_start": 701,
}
CACHES: dict[str, Any] = {
    "provision_containers_ostemplate": "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst",
    "provision_containers_storage": "ceph",
    "provision_containers_disk_gib": 4,
    "provision_containers_count": 2,
    "provision_containers_hostname_pattern": "cache-%d",
}

# Each on what the ones before have left. The image comes from the simulated cluster itself.
JOBS: list[tuple[str, dict[str, Any], str]] = [
    (
        "cloud_image_template",
        {
            "name": "debian",
            "url": "{url}/_sim/images/first.qcow2",
            "checksum": "none",
            "verify_certificates": False,
            "storage": "ceph",
        },
        "created",
    ),
    ("snapshot_guests", {"guests": ["app1"], "prefix": "auto"}, "taken auto-"),
    ("backup_guests", {"guests": ["app1"], "storage": "local"}, "1 of 1 guests are backed up"),
    (
        "backup_guests",
        {"guests": [100], "storage": "local", "max_age": "2h"},
        "0 of 1 guests are backed up, 1 left as they are",
    ),
    (
        "verify_backups",
        {"guests": [100], "vmid_range": "90000-90009", "proof": "running", "settle": 1},
        "1 of 1 backups are proven",
    ),
    ("rolling_reboot", {"guests": ["db1"], "wait_for_address": False}, "1 of 1"),
    (
        "drain_node",
        {"node": "pve2", "guests": ["db1"], "with_local_disks": True},
        "1 of 1 guests moved",
    ),
    (
        "remove_guests",
        {"guests": ["app1", 4711], "allow_destructive": True},
        "1 of 2 guests were removed",
    ),
]


def with_a_module_that_crashes(folder: Path, module: str) -> Path:
    """A copy of the collection in which one module has a mistake."""
    copy = folder / "ansible_collections" / "upid" / "proxmox"
    for part in ("plugins", "roles", "meta"):
        shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "galaxy.yml", copy)
    file = copy / "plugins" / "modules" / f"{module}.py"
    code = file.read_text()
    file.write_text(
        code.replace("def main() -> None:\n", f"{CRASH}\ndef main() -> None:\n    crash()\n")
    )
    return folder


def test_a_call_that_crashes_fails_with_the_error_of_ansible(
    any_ansible: Ansible, tmp_path: Path
) -> None:
    collections = with_a_module_that_crashes(tmp_path / "collections", "fleet")
    play = play_of("provision_vms", {**WEB, "provision_vms_memory": 512})
    run = any_ansible.play([play], ANSIBLE_COLLECTIONS_PATH=str(collections))
    assert not run.ok, run.output
    assert "It crashed" in run.output or "the module crashed; set ANSIBLE" in run.output
    assert "VMs are ready" not in run.output


def test_the_roles_for_daily_jobs_do_them_and_report(edge_ansible: Ansible) -> None:
    url = edge_ansible.cluster.simulator.url
    plays = [
        play_of(
            role,
            {
                f"{role}_{name}": value.format(url=url) if isinstance(value, str) else value
                for name, value in variables.items()
            },
        )
        for role, variables, _says in JOBS
    ]
    reports = []
    for some in (plays[:4], plays[4:]):
        run = edge_ansible.play(some)
        assert run.ok, run.output
        reports += run.output.split("PLAY [Run the role]")[1:]
    for (role, _variables, says), report in zip(JOBS, reports, strict=True):
        assert says in report, f"{role}: {report}"
    guests = edge_ansible.guests()
    assert "app1" not in guests
    assert guests["db1"]["node"] != "pve2"
    assert guests["debian"]["config"]["template"] == 1


@pytest.mark.parametrize(
    ("role", "variables"),
    [
        ("backup_guests", {"pool": "nowhere", "storage": "local"}),
        ("verify_backups", {"pool": "nowhere", "vmid_range": "90000-90009"}),
        ("snapshot_guests", {"pool": "nowhere", "prefix": "auto"}),
        ("remove_guests", {"pool": "nowhere", "allow_destructive": True}),
        ("rolling_reboot", {"pool": "nowhere"}),
        ("drain_node", {"node": "nowhere"}),
    ],
)
def test_a_call_that_fails_as_a_whole_fails_the_role(
    ansible: Ansible, role: str, variables: dict[str, Any]
) -> None:
    run = ansible.role(role, **{f"{role}_{name}": value for name, value in variables.items()})
    assert not run.ok, run.output
    assert "'nowhere'" in run.output


def test_a_guest_that_is_no_longer_selected_when_its_turn_comes_is_not_rebooted(
    ansible: Ansible, tmp_path: Path
) -> None:
    """The user's own tasks for the first guest take the tag from the second one."""
    configure = {"operation": "configure", "guests": [101], "params": {"delete": "tags"}}
    own = tmp_path / "own.yml"
    own.write_text(yaml.safe_dump([{"name": "Untag", "upid.proxmox.operation": configure}]))
    tagged = {"operation": "configure", "guests": [100, 101], "params": {"tags": "roll"}}
    started = {"operation": "start", "guests": [100]}
    prepare = {
        "name": "Prepare",
        "hosts": "localhost",
        "gather_facts": False,
        "tasks": [{"name": "Do", "upid.proxmox.operation": one} for one in (tagged, started)],
    }
    variables = {
        "rolling_reboot_tags": ["roll"],
        "rolling_reboot_wait_for_address": False,
        "rolling_reboot_tasks": str(own),
    }
    run = ansible.play([prepare, play_of("rolling_reboot", variables)])
    assert run.ok, run.output
    assert [task["id"] for task in ansible.tasks("qmreboot")] == ["100"]
    assert "1 of 1 guests were rebooted" in run.output
    assert "left alone, it is no longer one of those that were selected" in run.output


def test_an_empty_key_is_an_error_before_anything_starts(any_ansible: Ansible) -> None:
    run = any_ansible.role("provision_vms", **WEB, provision_vms_ssh_public_keys=[None])
    assert not run.ok, run.output
    assert any_ansible.world()["tasks"] == []


def test_libraries_that_are_missing_are_the_headline(any_ansible: Ansible, tmp_path: Path) -> None:
    # The environment of this other Python has nothing installed in it.
    bare = tmp_path / "bare"
    any_ansible.run("python", "-m", "venv", "--without-pip", str(bare))
    hosts = inventory(
        tmp_path / "hosts.json", ["localhost"], ansible_python_interpreter=str(bare / "bin/python")
    )
    run = any_ansible.role("provision_vms", "--inventory", hosts, **WEB)
    assert not run.ok
    assert "ansible_python_interpreter" in run.output


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"provision_vms_cuont": 3}, "provision_vms_cuont (did you mean provision_vms_count?)"),
        ({"provision_vms_count": 0}, "No VMs to provision"),
        ({"provision_vms_guests": [{"name": "db"}]}, "mutually exclusive"),
        (
            {"provision_vms_ipconfig": "ip=192.0.2.11/24"},
            "web-1, web-2 have the same address 192.0.2.11",
        ),
        (
            {
                "provision_vms_ipconfig": "ip=192.0.2.%d/24,gw=192.0.2.1",
                "provision_vms_ipconfig_start": 255,
            },
            "192.0.2.256/24",
        ),
    ],
)
def test_what_is_wrong_with_the_variables_is_an_error_before_anything_starts(
    ansible: Ansible, variables: dict[str, Any], message: str
) -> None:
    run = ansible.role("provision_vms", **{**WEB, **variables})
    assert not run.ok
    assert message in " ".join(run.output.split()), run.output
    assert ansible.world()["tasks"] == []


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("provision_vms_surce", "provision_vms_source"),
        ("provision_containers_ostemplte", "provision_containers_ostemplate"),
        ("provision_vm_count", "provision_vms_count"),
    ],
)
def test_a_misspelled_variable_of_the_playbook_is_named_although_no_role_runs(
    ansible: Ansible, given: str, known: str
) -> None:
    run = ansible.run("ansible-playbook", "upid.proxmox.provision", "--extra-vars", f"{given}=1")
    assert not run.ok
    assert f"{given} (did you mean {known}?)" in run.output


def test_containers_with_the_same_address_are_an_error_before_anything_starts(
    ansible: Ansible,
) -> None:
    run = ansible.role(
        "provision_containers",
        **CACHES,
        provision_containers_net="name=eth0,bridge=vmbr0,ip=192.0.2.31/24",
    )
    assert not run.ok
    assert "cache-2 have the same address 192.0.2.31" in run.output, run.output
    assert ansible.world()["tasks"] == []


def test_the_interfaces_of_a_listed_container_replace_those_of_all(any_ansible: Ansible) -> None:
    variables = {name: value for name, value in CACHES.items() if "count" not in name}
    run = any_ansible.role(
        "provision_containers",
        **variables,
        provision_containers_nodes=["pve2"],
        provision_containers_start=False,
        provision_containers_net=[
            "name=eth0,bridge=vmbr0,ip=192.0.2.%d/24",
            "name=eth1,bridge=vmbr1",
        ],
        provision_containers_net_start=31,
        provision_containers_guests=[
            {"hostname": "dns", "net": "name=eth0,bridge=vmbr0,ip=192.0.2.53/24", "disk_gib": 2},
            {"hostname": "web"},
        ],
    )
    assert run.ok, run.output
    dns, web = (any_ansible.guests()[name] for name in ("dns", "web"))
    assert (dns["node"], web["node"]) == ("pve2", "pve2")
    assert "ip=192.0.2.53/24" in dns["config"]["net0"]
    assert "net1" not in dns["config"]
    assert "ip=192.0.2.32/24" in web["config"]["net0"]
    assert "bridge=vmbr1" in web["config"]["net1"]
    assert "size=2G" in dns["config"]["rootfs"]
    assert "size=4G" in web["config"]["rootfs"]


@pytest.mark.parametrize(("strategy", "ok"), [("linear", True), ("free", False)])
def test_the_strategy_free_is_refused_with_the_reason(
    any_ansible: Ansible, tmp_path: Path, strategy: str, ok: bool
) -> None:
    hosts = inventory(tmp_path / "hosts.json", ["a", "b", "c"])
    play = play_of("provision_vms", WEB, hosts="all", strategy=strategy)
    run = any_ansible.play([play], "--inventory", hosts)
    assert run.ok is ok, run.output
    if not ok:
        assert "not supported in the free strategy" in run.output
        assert "Refuse the strategy free, which would create the VMs once for each" in run.output
    assert len(any_ansible.tasks("qmclone")) == (2 if ok else 0)


def test_a_password_is_set_where_none_is_set_and_never_shown(ansible: Ansible) -> None:
    first = ansible.role("provision_vms", **WEB, provision_vms_start=False)
    assert first.ok, first.output
    secret = {"provision_vms_ci_password": "Secret-of-all", "provision_vms_start": False}
    second = ansible.role("provision_vms", "--diff", "-vvv", **WEB, **secret)
    assert second.ok, second.output
    assert "cipassword" in second.output, "the diff is hidden"
    # -vvv shows no variables, so that the password can only come from a task.
    assert "Secret-of-all" not in second.output
    again = ansible.role("provision_vms", **WEB, **secret)
    assert "changed=0" in again.output, again.output
    assert len(ansible.tasks("qmconfig")) == 2


def test_check_mode_shows_the_addresses_of_existing_guests(ansible: Ansible) -> None:
    made = ansible.role("provision_vms", **WEB, provision_vms_wait_for_address=True)
    assert made.ok, made.output
    more = {**WEB, "provision_vms_count": 3, "provision_vms_wait_for_address": True}
    planned = ansible.role("provision_vms", "--check", **more)
    assert planned.ok, planned.output
    rows = {
        line.split()[0].strip('"'): line for line in planned.output.splitlines() if "web-" in line
    }
    assert "would be cloned" in rows["web-3"]
    assert rows["web-1"].split()[3] != "-"


def test_one_wrong_guest_is_its_own_failure(ansible: Ansible) -> None:
    assert ansible.role("provision_vms", **WEB, provision_vms_disk_gib=40).ok
    wanted = [{"name": "web-1", "vmid": 701, "disk_gib": 8}, {"name": "web-2", "vmid": 702}]
    variables = {"provision_vms_source": 9000, "provision_vms_guests": wanted}
    run = ansible.role("provision_vms", **variables, provision_vms_disk_gib=50)
    assert not run.ok
    assert "1 failed (web-" in run.output, run.output
    assert "size=50G" in ansible.guests()["web-2"]["config"]["scsi0"]


def test_a_node_that_is_silent_costs_its_own_guests_only(ansible: Ansible) -> None:
    spread = {
        **WEB,
        "provision_vms_placement": "round_robin",
        "provision_vms_nodes": ["pve1", "pve2"],
        "provision_vms_start": False,
    }
    assert ansible.role("provision_vms", **spread).ok
    ansible.cluster.admin("POST", "nodes/pve2/down")
    run = ansible.role("provision_vms", **spread, provision_vms_memory=768)
    assert not run.ok
    assert "1 failed (web-" in run.output, run.output
    assert int(ansible.guests()["web-1"]["config"]["memory"]) == 768
