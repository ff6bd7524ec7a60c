# Copyright (c) 2026 the upid.proxmox authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible_collections.upid.proxmox.plugins.module_utils._pve.api import schema
from ansible_collections.upid.proxmox.plugins.module_utils._pve.guests.config import config_params
from ansible_collections.upid.proxmox.plugins.module_utils._pve.operations.validation import (
    problems,
)
from ansible_collections.upid.proxmox.tests.tools import api_schema as tool
from hypothesis import given
from hypothesis import strategies as st
from pvesim.calls import CallError
from pvesim.schema import Schema
from pvesim.validation import validate

from .recorded import Asked, recorded

QEMU, LXC = "/nodes/{node}/qemu", "/nodes/{node}/lxc"
CONFIG = f"{QEMU}/{{vmid}}/config"
CLONE = f"{QEMU}/{{vmid}}/clone"
# What the server says of a parameter that no schema can know.
BEYOND_THE_SCHEMA = re.compile(
    "already exists|no such task|No such|does not exist|Only root|is local node"
    "|unable to parse worker|already defined in URI|PBS storages|unknown option|hotplug problem"
    "|invalid ACL|is required[.]"
    "|found unknown: variable|wrong file extension|is missing$"
)
# The list of CPU types is longer with each release, and nobody starts a task by that filter.
NOT_CHECKED = re.compile("Built-in cputype|invalid status")
RECORDED = [asked for asked in recorded() if asked.told]
ACCEPTED = [asked for asked in RECORDED if asked.status in (200, 500) and not asked.errors]
REFUSED = [asked for asked in RECORDED if asked.status == 400 and asked.errors]


@pytest.fixture(scope="module", autouse=True)
def _every_call() -> Iterator[None]:
    """The schema of all calls, not only of those that the collection makes."""
    built = json.loads(tool.text_of(tool.every_call()))
    with pytest.MonkeyPatch.context() as patch:
        for table in ("CALLS", "PARAMETERS", "FORMATS"):
            patch.setattr(schema, table, built[table])
        schema.parameters.cache_clear()
        yield
    schema.parameters.cache_clear()


@pytest.mark.parametrize(
    ("method", "path", "params", "expected"),
    [
        ("POST", CONFIG, {"memroy": 512}, ["memroy: no such parameter; did you mean memory?"]),
        ("POST", CONFIG, {"ciUser": "x"}, ["ciUser: no such parameter; did you mean ciuser?"]),
        (
            "PUT",
            f"{LXC}/{{vmid}}/config",
            {"ssh_public-keyz": "x", "sockets": 2},
            [
                "ssh_public-keyz: no such parameter",
                "sockets: no such parameter, only VMs have it",
            ],
        ),
        (
            "POST",
            CONFIG,
            {"bridge": "vmbr0"},
            ["bridge: no such parameter; it is a key of net[n]"],
        ),
        ("POST", CONFIG, {"net32": "virtio"}, ["net32: no such parameter; the last one is net31"]),
        ("POST", CONFIG, {"scsi31": "s1:1"}, ["scsi31: no such parameter; the last one is scsi30"]),
        ("POST", CLONE, {}, ["newid: is required"]),
        (
            "POST",
            CLONE,
            {"newid": "x", "full": "maybe", "bwlimit": -1},
            [
                "newid: 'x' is not an integer",
                "full: 'maybe' is not a boolean",
                "bwlimit: '-1' is less than 0",
            ],
        ),
        (
            "POST",
            CLONE,
            {"newid": 99},
            ["newid: '99' is not a VMID: a number from 100 to 999999999"],
        ),
        (
            "POST",
            "/nodes/{node}/vzdump",
            {"mode": "snapshop"},
            [
                "mode: 'snapshop' is none of snapshot, suspend, stop; did you mean snapshot?",
            ],
        ),
        (
            "POST",
            CONFIG,
            {"net0": {"virtio": "", "brigde": "vmbr0"}},
            ["net0: brigde: no such key; did you mean bridge?"],
        ),
        ("POST", CONFIG, {"net0": "bridge=vmbr0"}, ["net0: model is required"]),
        (
            "POST",
            CONFIG,
            {"net0": {"model": "virtio", "macaddr": "BC:24"}},
            ["net0: macaddr: 'BC:24' is not a unicast MAC address, such as BC:24:11:00:00:01"],
        ),
        (
            "POST",
            CONFIG,
            {"scsi0": "s1:4,cores=2"},
            ["scsi0: cores: no such key; it is a separate parameter"],
        ),
        (
            "POST",
            CONFIG,
            {"ipconfig0": "dhcp"},
            ["ipconfig0: 'dhcp' has no key; the keys are gw, gw6, ip, ip6"],
        ),
        ("POST", CONFIG, {"ipconfig0": "gw=192.0.2.1"}, ["ipconfig0: ip is required by gw"]),
        ("POST", CONFIG, {"net0": "virtio,bridge="}, ["net0: bridge has no value"]),
        (
            "POST",
            "/cluster/bulk-action/guest/start",
            {"vms": [101, "web"]},
            ["vms[1]: 'web' is not an integer"],
        ),
        ("POST", "/nodes/{node}/qemu/{vmid}/nosuch", {"x": 1}, []),
    ],
)
def test_what_is_wrong_is_named(
    method: str, path: str, params: Mapping[str, Any], expected: list[str]
) -> None:
    assert problems(method, path, params) == expected


@pytest.mark.parametrize(
    ("path", "params"),
    [
        (CONFIG, {"memory": "2048", "cores": 2, "onboot": True, "agent": {"enabled": True}}),
        (CONFIG, {"net0": {"virtio": None, "bridge": "vmbr0", "firewall": True, "tag": 20}}),
        (CONFIG, {"net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0,trunks=2;3"}),
        (CONFIG, {"tags": ["web", "prod"], "delete": ["net1", "unused0"], "name": None}),
        (CONFIG, {"ipconfig0": {"ip": "192.0.2.10/24", "gw": "192.0.2.1", "ip6": "auto"}}),
        (CONFIG, {"scsi0": "local-lvm:32,discard=on,ssd=1", "ide2": "none,media=cdrom"}),
        (CONFIG, {"sshkeys": "ssh-ed25519 AAAA me@here", "boot": "order=scsi0;net0"}),
        (CONFIG, {"hostpci0": "0000:01:00,unheard-of=1", "cpu": "Newest-v9,flags=+aes"}),
        (CONFIG, {"cores": "2\n", "name": "web1\n", "net0": "virtio,bridge=vmbr0\n"}),
        (CONFIG, {"agent": "enabled=yes,fstrim_cloned_disks=ON", "startup": "order=2,up=30"}),
    ],
)
def test_what_users_write_is_taken(path: str, params: Mapping[str, Any]) -> None:
    assert problems("POST", path, params) == []
    assert problems("POST", path, config_params(params, "qemu")) == []


def test_a_secret_is_not_shown() -> None:
    params = {"target-endpoint": "hunter2", "target-storage": "s1", "target-bridge": "vmbr0"}
    found = problems("POST", f"{QEMU}/{{vmid}}/remote_migrate", params)
    assert found
    assert "hunter2" not in str(found)
    found = problems("POST", LXC, {"vmid": 200, "ostemplate": "s1:x", "password": "hun"})
    assert found == ["password: the value is shorter than 5 characters"]


def test_there_are_recordings() -> None:
    assert len(ACCEPTED) > 1500
    assert len(REFUSED) > 100


def test_what_a_real_cluster_took_is_taken() -> None:
    wrong = {asked.number: asked.problems() for asked in ACCEPTED if asked.problems()}
    assert wrong == {}


def test_what_a_real_cluster_refused_is_refused_for_the_same_parameters() -> None:
    for asked in REFUSED:
        known = {
            name
            for name, text in asked.errors.items()
            if not BEYOND_THE_SCHEMA.search(text.strip()) and not NOT_CHECKED.search(text)
        }
        named = {re.split(": |$", problem)[0] for problem in asked.problems()}
        assert named == known, (asked.number, asked.errors)


SETTING = [asked for asked in ACCEPTED if asked.method != "GET" and asked.params]


@given(asked=st.sampled_from(SETTING), data=st.data())
def test_it_is_taken_in_whatever_way_it_is_written(asked: Asked, data: st.DataObject) -> None:
    """Numbers as text, booleans, dictionaries and lists say the same."""
    definitions = schema.parameters(asked.method, asked.path)
    written = {}
    for name, value in asked.params.items():
        definition = definitions.get(name) or definitions[schema.family(name)]
        written[name] = data.draw(st.sampled_from(list(_ways(value, definition))))
    assert problems(asked.method, asked.path, written) == []


def _ways(value: Any, definition: Mapping[str, Any]) -> Iterator[Any]:
    yield value
    if isinstance(value, (int, str)):
        yield str(value)
    if definition.get("type") == "boolean":
        yield str(value) == "1"
    form = str(definition.get("format", ""))
    if form.endswith("-list"):
        yield re.split("[,; ]+", str(value))
    if form in schema.FORMATS and all("=" in part for part in str(value).split(",")):
        yield dict(part.split("=", 1) for part in str(value).split(","))


TEXTS = st.one_of(
    st.text(alphabet="abz019-_.:/,;=+ \n", max_size=12),
    st.integers(-5, 2**40).map(str),
    st.sampled_from(
        [
            *("0", "1", "on", "yes", "dhcp", "s1:4", "none", "32G", "192.0.2.1", "192.0.2.1/24"),
            *("fe80::1", "BC:24:11:00:00:01", "virtio,bridge=vmbr0", "order=1,up=2", "host"),
            *("enabled=1", "current=512", "name=eth0,ip=dhcp", "nesting=1", "local", "a_b", ""),
        ]
    ),
)


@given(asked=st.sampled_from(SETTING), data=st.data())
def test_nothing_is_refused_that_the_server_takes(asked: Asked, data: st.DataObject) -> None:
    """Whatever is changed in a request, and taken by the simulated server, is taken here, too."""
    found = Schema.load().find(asked.method, _concrete(asked))
    assert found is not None
    known = [name.replace("[n]", "1") for name in found.method.parameters]
    changes = data.draw(st.dictionaries(st.sampled_from(known), TEXTS, max_size=3))
    without = data.draw(st.sets(st.sampled_from(sorted(asked.params)), max_size=1))
    params = {name: one for name, one in asked.params.items() if name not in without} | changes
    params |= found.path_params
    try:
        validate(found.method, params)
    except CallError:
        return
    assert problems(asked.method, asked.path, params) == []


def _concrete(asked: Asked) -> str:
    """The path with its parameters."""
    return re.sub(r"\{(\w+)\}", lambda match: str(asked.params[match[1]]), asked.path)
